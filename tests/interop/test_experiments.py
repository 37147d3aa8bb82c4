"""Whole experiments of OpenFL's users on OpenFL's envoys, with our Director between them."""

import socket
from typing import Any

import pytest

from tests.interop.averages import Adam, Coasting, distance, median, ternary, whole
from tests.interop.federation import RUN_S, SHARDS, TASKS, Federation
from tests.interop.learning import Training, expected, first_round
from tests.interop.outcomes import assert_as_expected

pytestmark = pytest.mark.interop


def test_an_experiment_comes_to_the_weighted_average(there: Federation) -> None:
    answer = there.frontend("alice").run("line")

    assert answer.value["collaborators"] == list(SHARDS)
    assert_as_expected(answer, expected(SHARDS, Training()))


def test_a_federation_runs_one_experiment_after_the_other(there: Federation) -> None:
    alice = there.frontend("alice")
    alice.run("one")

    answer = alice.run("another", rounds=5)

    assert_as_expected(answer, expected(SHARDS, Training(rounds=5)))


def test_two_users_run_experiments_at_once(there: Federation) -> None:
    alice, bob = there.frontend("alice"), there.frontend("bob")

    of_alice = alice.submit("together-a")
    of_bob = bob.submit("together-b", rounds=4)

    assert_as_expected(of_alice.answer(within_s=RUN_S), expected(SHARDS, Training()))
    assert_as_expected(of_bob.answer(within_s=RUN_S), expected(SHARDS, Training(rounds=4)))


def test_collaborators_may_send_and_receive_differences(there: Federation) -> None:
    answer = there.frontend("alice").run("deltas", delta_updates=True)

    assert_as_expected(answer, expected(SHARDS, Training(has_deltas=True)))


@pytest.mark.parametrize(
    ("treatment", "memory"), [("CONTINUE_LOCAL", "local"), ("CONTINUE_GLOBAL", "global")]
)
def test_an_optimiser_goes_on_in_the_next_round(
    there: Federation, treatment: str, memory: Any
) -> None:
    answer = there.frontend("alice").run(
        treatment, task="fit_with_momentum", has_momentum=True, opt_treatment=treatment
    )

    assert_as_expected(answer, expected(SHARDS, Training(memory=memory)))


@pytest.mark.parametrize(
    ("pipeline", "codec"), [("KCPipeline", whole), ("SKCPipeline", whole), ("STCPipeline", ternary)]
)
def test_deltas_may_be_compressed_with_loss(there: Federation, pipeline: str, codec: Any) -> None:
    settings = {"compression_pipeline.template": f"openfl.pipelines.{pipeline}"}

    answer = there.frontend("alice").run(pipeline, delta_updates=True, settings=settings)

    # The tables of values are found by an iteration that has a tolerance of its own.
    wanted = expected(SHARDS, Training(has_deltas=True, codec=codec))
    assert_as_expected(answer, wanted, rounding=1e-6)


def test_a_user_may_choose_the_median(there: Federation) -> None:
    answer = there.frontend("alice").run("median", aggregation="median")

    assert_as_expected(answer, expected(SHARDS, Training(combine=median)))


def test_a_user_may_choose_the_geometric_median(there: Federation) -> None:
    answer = there.frontend("alice").run("geometric", aggregation="geometric median", rounds=1)

    sent, weights = first_round(SHARDS)
    points = [{name: one[name].tolist() for name in one} for one in sent]
    for name in sent[0]:
        # What they sent lies on a line: then one of them is a median, if perhaps not the only one.
        least = min(distance(point, sent, weights, name) for point in points)
        assert distance(answer.value["last"], sent, weights, name) <= least * (1 + 1e-4)


# ---------------------------------------------------------------- where an operator allows it


def test_a_function_of_the_users_own(there: Federation) -> None:
    answer = there.frontend("alice").run("own-function", aggregation="own", rounds=2)

    assert_as_expected(answer, expected(SHARDS, Training(rounds=2, learns=Coasting)))
    there.director.saw("loading the aggregation functions of fit, which 'alice' has pickled")


def test_an_adaptive_function_of_openfls(there: Federation) -> None:
    answer = there.frontend("alice").run("adam", aggregation="adam", rounds=2)

    # OpenFL counts in single precision, and we in double.
    wanted = expected(SHARDS, Training(rounds=2, learns=Adam))
    assert_as_expected(answer, wanted, rounding=1e-5)


def test_a_function_that_fails_is_told_to_its_user(there: Federation) -> None:
    answer = there.frontend("alice").run("broken-function", aggregation="broken")
    told = there.user("alice").call("get_experiment_description", name="broken-function").value

    reasons = {log["name"]: log["status"] for log in told["download_statuses"]["logs"]}
    assert answer.value["status"] == "failed"
    assert reasons["reason"] == (
        "round 1 could not be aggregated: the aggregation function 'Broken' of 'fit' failed on the"
        " tensor 'slope': RuntimeError: no such thing as an average"
    )


def test_collaborators_may_come_to_a_port_of_the_plans_own(there: Federation) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    envoy = there.envoy("env-1")
    began = envoy.printed
    pending = there.frontend("alice").submit(
        "own-port", task="fit_slowly", rounds=2, settings={"network.settings.agg_port": port}
    )

    envoy.saw(TASKS, since=began)
    followed = there.plan_at("env-1", "own-port")["network"]["settings"]["agg_port"]
    socket.create_connection(("127.0.0.1", port)).close()

    assert followed == port != there.port
    assert_as_expected(pending.answer(within_s=RUN_S), expected(SHARDS, Training(rounds=2)))


# ---------------------------------------------------------------- without the slow


@pytest.mark.parametrize(
    ("template", "wanted"),
    [
        ("PercentageBasedStragglerHandling", {"percent_collaborators_needed": 0.6}),
        ("CutoffTimeBasedStragglerHandling", {"straggler_cutoff_time": 1}),
    ],
)
def test_a_plan_may_go_on_without_the_slow(
    there: Federation, template: str, wanted: dict[str, float]
) -> None:
    policy = "straggler_handling_policy"
    classes = "openfl.component.straggler_handling_functions"
    settings = {
        f"{policy}.template": f"{classes}.{template}",
        f"{policy}.settings.minimum_reporting": 2,
        **{f"{policy}.settings.{name}": value for name, value in wanted.items()},
    }

    answer = there.frontend("alice").run(template, task="fit_late", rounds=2, settings=settings)

    assert_as_expected(answer, expected(SHARDS, Training(rounds=2, leaves={"env-3": 0})))


# ---------------------------------------------------------------- what is refused, and by name


@pytest.mark.parametrize(
    ("wishes", "named"),
    [
        (
            {"settings": {"compression_pipeline.template": "openfl.pipelines.EdenPipeline"}},
            "openfl.pipelines.EdenPipeline",
        ),
        (
            {"settings": {"compression_pipeline.template": "openfl.pipelines.RandomShiftPipeline"}},
            "openfl.pipelines.RandomShiftPipeline",
        ),
        ({"has_own_assigner": True}, "own_assigner"),
        (
            {"settings": {"straggler_handling_policy.template": "mine.Impatience"}},
            "mine.Impatience",
        ),
    ],
)
def test_what_we_do_not_have_is_refused_by_name(
    there: Federation, request: pytest.FixtureRequest, wishes: dict[str, Any], named: str
) -> None:
    experiment = f"refused-{request.node.callspec.indices['wishes']}"

    answer = there.frontend("alice").run(experiment, **wishes)

    assert answer.code == "INVALID_ARGUMENT"
    assert named in answer.details
