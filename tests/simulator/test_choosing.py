"""Which cases are run, and with what changes."""

from pathlib import Path

import pytest

from simulator.choosing import against, cases_of
from simulator.scenario.problem import ScenarioError

LIFECYCLE = Path("scenarios/lifecycle.yaml")
TARGET = "127.0.0.1:50051"


def test_a_director_elsewhere_is_reached_where_it_is() -> None:
    [chosen] = cases_of([LIFECYCLE], against(TARGET, None, None), patience_s=60)

    director = chosen.case.scenario.director
    assert (director.run, director.address) == ("external", TARGET)
    assert chosen.case.scenario.clock == "wire"


def test_a_hurried_scenario_leaves_time_to_recover() -> None:
    [hurried] = cases_of([LIFECYCLE], {}, patience_s=60)
    [patient] = cases_of([LIFECYCLE], {}, patience_s=1)
    [told] = cases_of([LIFECYCLE], {"recover": "9s"}, patience_s=60)

    assert hurried.case.scenario.recover == 60
    assert hurried.overrides == {"recover": "60s"}
    assert patient.case.scenario.recover == 8
    assert told.case.scenario.recover == 9


def test_certificates_of_a_director_elsewhere_come_from_its_own_authority(tmp_path: Path) -> None:
    certificate, key = tmp_path / "ca.crt", tmp_path / "ca.key"
    told = {**against(TARGET, certificate, key), "identity": "mtls"}

    [chosen] = cases_of([LIFECYCLE], told)

    director = chosen.case.scenario.director
    assert (director.ca_cert, director.ca_key) == (str(certificate), str(key))


@pytest.mark.parametrize(
    ("overrides", "why"),
    [
        ({**against(TARGET, None, None), "identity": "mtls"}, "its own authority vouches for"),
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


@pytest.mark.parametrize(
    ("name", "tag", "count"),
    [(None, None, 1), ("life", "smoke", 1), ("death", None, 0), (None, "slow", 0)],
)
def test_cases_are_wanted_by_name_and_tag(name: str | None, tag: str | None, count: int) -> None:
    cases = cases_of([LIFECYCLE], {})

    assert sum(chosen.is_wanted(name, tag) for chosen in cases) == count
