"""Which cases are run, and with what changes."""

from pathlib import Path

import pytest

from simulator.batch import Order
from simulator.choosing import against, cases_against, cases_of
from simulator.scenario.problem import ScenarioError

LIFECYCLE = Path("scenarios/lifecycle.yaml")
DURABILITY = Path("scenarios/durability.yaml")
FLAKY = Path("scenarios/flaky_envoys.yaml")
TARGET = "127.0.0.1:50051"
ELSEWHERE = against(TARGET, None, None)


def test_a_director_elsewhere_is_reached_where_it_is() -> None:
    [chosen] = cases_against(ELSEWHERE, [LIFECYCLE], {})

    director = chosen.case.scenario.director
    assert (director.run, director.address) == ("external", TARGET)
    assert chosen.case.scenario.clock == "wire"
    assert chosen.is_external


def test_a_run_elsewhere_is_repeated_as_it_was_asked_for() -> None:
    target = against(TARGET, Path("ca.crt"), Path("ca.key"))
    [chosen] = cases_against(target, [LIFECYCLE], {"identity": "mtls"})
    chosen = chosen.patient(40)

    order = Order.of(chosen.case, chosen.path, chosen.overrides, seed=7)

    files = f"--ca-cert {Path('ca.crt').absolute()} --ca-key {Path('ca.key').absolute()}"
    assert order.reproduce(is_only=True) == (
        f"simulate scenarios/lifecycle.yaml --target {TARGET} {files}"
        " --set identity=mtls --set recover=40s --seed 7"
    )


def test_a_hurried_scenario_leaves_time_to_recover() -> None:
    [lifecycle] = cases_of([LIFECYCLE], {})
    [told] = cases_of([LIFECYCLE], {"recover": "9s"})

    assert lifecycle.patient(40).overrides == {"recover": "40s"}
    assert lifecycle.patient(300).overrides == {"recover": "300s", "timeout": "372s"}
    assert lifecycle.patient(1) is lifecycle
    assert told.patient(60) is told


def test_certificates_of_a_director_elsewhere_come_from_its_own_authority(tmp_path: Path) -> None:
    certificate, key = tmp_path / "ca.crt", tmp_path / "ca.key"

    [chosen] = cases_against(against(TARGET, certificate, key), [LIFECYCLE], {"identity": "mtls"})

    director = chosen.case.scenario.director
    assert (director.ca_cert, director.ca_key) == (str(certificate), str(key))


@pytest.mark.parametrize(
    ("overrides", "why"),
    [
        ({**ELSEWHERE, "identity": "mtls"}, "its own authority vouches for"),
        (against(TARGET, Path("ca.crt"), None), "of use together only"),
        ({"director.ca_cert": "a", "director.ca_key": "b"}, "for run: external, not for"),
    ],
)
def test_an_authority_is_given_whole_and_where_it_is_wanted(
    overrides: dict[str, str], why: str
) -> None:
    with pytest.raises(ScenarioError) as refused:
        cases_of([LIFECYCLE], overrides)

    assert any(why in str(problem) for problem in refused.value.problems)


def test_the_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    files = [tmp_path / "one.yaml", tmp_path / "two.yaml"]

    with pytest.raises(ScenarioError) as refused:
        cases_of(files, {})

    assert len(refused.value.problems) == 2


def test_what_a_target_cannot_do_is_left_out_with_the_reason() -> None:
    files = [LIFECYCLE, Path("scenarios/review.yaml"), Path("scenarios/stragglers.yaml"), FLAKY]

    chosen = cases_against(ELSEWHERE, files, {"identity": "plaintext"})

    unfit = {each.case.scenario.name: each.unfit for each in chosen}
    assert unfit == {
        "lifecycle": None,
        "review": "'review' is for run: inprocess, not for external",
        "stragglers": "'quorum' cannot be told to a Director that runs elsewhere",
        "flaky_envoys": "director.restart (restart) cannot be done here: a Director that runs"
        " elsewhere cannot be restarted from here",
    }


def test_where_a_target_can_do_nothing_of_all_that_it_is_refused() -> None:
    with pytest.raises(ScenarioError, match="cannot be restarted from here"):
        cases_against(ELSEWHERE, [DURABILITY], {})


def test_a_mistake_is_none_of_the_targets_business(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"

    with pytest.raises(ScenarioError, match="cannot be read"):
        cases_against(ELSEWHERE, [LIFECYCLE, wrong], {})


@pytest.mark.parametrize(
    ("name", "tag", "count"),
    [
        (None, None, 5),
        ("loss=0.1", "smoke", 2),
        ("flaky_envoys[identity=mtls,loss=0.1]", None, 1),
        ("flaky_envoys [identity=mtls loss=0.1]", None, 1),
        ("death", None, 0),
        (None, "slow", 0),
    ],
)
def test_cases_are_wanted_by_name_however_it_is_written_and_by_tag(
    name: str | None, tag: str | None, count: int
) -> None:
    cases = cases_of([FLAKY], {})

    assert sum(chosen.is_wanted(name, tag) for chosen in cases) == count
