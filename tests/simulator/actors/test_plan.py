"""A plan as a collaborator reads it."""

import pytest
import yaml

from director.workspace import federation_id
from simulator.actors.plan import PlanError, PlannedTask, ReadPlan, read
from simulator.actors.workspace import Recipe, plan_text

RECIPE = Recipe(rounds=3, host="127.0.0.1")


def changed(**network: object) -> ReadPlan:
    config = yaml.safe_load(plan_text(RECIPE))
    config["network"]["settings"].update(network)
    return read(yaml.safe_dump(config, sort_keys=False).encode())


def test_the_federation_has_the_id_that_openfl_gives_it() -> None:
    plan = read(plan_text(RECIPE))

    # What openfl 1.6 computed of this very text.
    assert plan.federation == "plan.yaml_c2675299"
    assert plan.aggregator == "aggregator_plan.yaml_c2675299"
    assert plan.address == "127.0.0.1:50227"


def test_envoys_and_our_director_agree_on_the_id() -> None:
    text = plan_text(RECIPE)

    assert read(text).federation == federation_id(text.decode())


def test_a_section_without_settings_counts_as_one_with_empty_settings() -> None:
    text = b"aggregator: {settings: {rounds_to_train: 1}}\nnetwork: {settings: {agg_port: 1}}\n"

    without = read(text + b"tasks: {a: 1}\n")
    empty = read(text + b"tasks: {a: 1, settings: {}}\n")
    nothing = read(text + b"tasks: {a: 1, settings: null}\n")

    assert without == empty == nothing


def test_a_port_that_is_given_is_taken() -> None:
    assert changed(agg_addr="director", agg_port=50051).address == "director:50051"


def test_the_rest_of_a_plan_is_the_same_whatever_its_address_and_salt() -> None:
    one = changed(agg_addr="a", agg_port=1, hash_salt="x")
    two = changed(agg_addr="b", agg_port=2, hash_salt="y")
    other = changed(agg_addr="b", agg_port=2, hash_salt="y", tls=True)

    assert one.rest == two.rest
    assert one.federation != two.federation
    assert other.rest != two.rest


def test_the_network_settings_are_told_as_they_stand() -> None:
    assert changed(agg_addr="a", agg_port=1, hash_salt="x").network == {
        "agg_addr": "a",
        "agg_port": 1,
        "hash_salt": "x",
    }


def test_the_tasks_are_those_that_have_a_function() -> None:
    text = plan_text(RECIPE)

    assert read(text).tasks == {
        "train": PlannedTask(trains=True, applies_local=False),
        "aggregated_model_validation": PlannedTask(trains=False, applies_local=False),
        "locally_tuned_model_validation": PlannedTask(trains=False, applies_local=True),
    }


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "there is none"),
        (b"aggregator: {settings: [", "not YAML"),
        (b"\xff\xfe\x00", "not YAML"),
        (b"- a\n", "not a mapping"),
        (b"aggregator: {settings: {rounds_to_train: 3}}\n", "no settings of 'network'"),
        (b"network: {settings: {}}\naggregator: 7\n", "no settings of 'aggregator'"),
        (b"network: {}\naggregator: {settings: {rounds_to_train: 0}}\n", "rounds_to_train is 0"),
        (b"network: {}\naggregator: {settings: {rounds_to_train: x}}\n", "rounds_to_train is 'x'"),
        (
            b"network: {}\naggregator: {settings: {rounds_to_train: 1}}\nx: {1: 1, a: 2}\n",
            "no plan has such values",
        ),
    ],
)
def test_what_cannot_be_followed_is_no_plan(text: bytes | None, why: str) -> None:
    with pytest.raises(PlanError, match=why):
        read(text)
