"""Groups, labels and picks mean the same wherever they are written."""

from random import Random

import pytest
from pydantic import ValidationError

from simulator.faults.selector import (
    Kind,
    Member,
    Pick,
    Selector,
    UnknownTargetError,
    recipients,
)

ROSTER = (
    Member(id="h-1", kind=Kind.ENVOY, group="hospital", labels={"region": "eu"}),
    Member(id="h-2", kind=Kind.ENVOY, group="hospital", labels={"region": "us"}),
    Member(id="h-3", kind=Kind.ENVOY, group="hospital", labels={"region": "eu"}),
    Member(id="c-1", kind=Kind.ENVOY, group="clinic"),
    Member(id="alice", kind=Kind.FRONTEND),
)


def _pool(written: object, *reach: Kind) -> list[str]:
    selector = Selector.model_validate(written)
    return [member.id for member in selector.pool(ROSTER, reach or tuple(Kind))]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"group": "hospital"}, ["h-1", "h-2", "h-3"]),
        ("@hospital", ["h-1", "h-2", "h-3"]),
        ({"group": "hospital", "labels": {"region": "eu"}}, ["h-1", "h-3"]),
        ("@hospital:eu", ["h-1", "h-3"]),
        ("@hospital:asia", []),
        ({"envoy": "c-1"}, ["c-1"]),
        ({"frontend": "alice"}, ["alice"]),
        ("all", ["h-1", "h-2", "h-3", "c-1", "alice"]),
        ({"frontend": "mallory", "spawn": True}, ["mallory"]),
    ],
)
def test_a_selector_means_everybody_it_describes(written: object, expected: list[str]) -> None:
    assert _pool(written) == expected


def test_all_means_all_within_reach() -> None:
    assert _pool({"all": True}, Kind.ENVOY) == ["h-1", "h-2", "h-3", "c-1"]


@pytest.mark.parametrize(
    ("written", "what", "known"),
    [
        ("@hospitals", "group", ("hospital", "clinic")),
        ({"envoy": "h-9"}, "envoy", ("h-1", "h-2", "h-3", "c-1")),
        ({"frontend": "h-1"}, "frontend", ("alice",)),
    ],
)
def test_an_unknown_name_is_refused_with_the_known_ones(
    written: object, what: str, known: tuple[str, ...]
) -> None:
    with pytest.raises(UnknownTargetError, match=f"there is no {what} ") as refusal:
        _pool(written)

    assert refusal.value.known == known


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("hospital", "is not a selector"),
        ({}, "nobody is named"),
        ({"group": "hospital", "envoy": "h-1"}, "'group' and 'envoy' contradict each other"),
        ({"group": "hospital", "spawn": True}, "has one name"),
        ({"envoy": "h-1", "pick": "one"}, "there is nothing to pick from"),
        ({"group": "hospital", "pick": "some"}, "'some' is not a pick"),
        ({"group": "hospital", "pick": "130%"}, "'130%' is not a pick"),
        ({"group": "hospital", "pick": "-1"}, "'-1' is not a pick"),
    ],
)
def test_a_selector_that_names_nobody_or_too_many_is_refused(written: object, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Selector.model_validate(written)


@pytest.mark.parametrize(
    ("pick", "among", "expected"),
    [
        ("all", 12, 12),
        ("one", 12, 1),
        ("one", 0, 0),
        ("minority", 12, 5),
        ("minority", 3, 1),
        ("minority", 2, 0),
        ("majority", 12, 7),
        ("majority", 3, 2),
        ("majority", 1, 1),
        ("3", 12, 3),
        ("3", 2, 2),
        ("30%", 12, 4),
        ("1%", 12, 1),
        ("0%", 12, 0),
        ("100 %", 12, 12),
        ("12.5%", 8, 1),
    ],
)
def test_a_pick_is_a_number_of_those_who_are_there(pick: str, among: int, expected: int) -> None:
    assert Pick(pick).of(among) == expected


def test_a_pick_may_be_written_as_a_number() -> None:
    assert Selector.model_validate({"group": "hospital", "pick": 2}).pick == Pick("2")


def test_chance_chooses_and_the_order_stays_that_of_the_pool() -> None:
    selector = Selector.model_validate({"group": "hospital", "pick": "2"})
    pool = ["h-1", "h-2", "h-3"]

    chosen = [selector.choose(pool, Random(seed)) for seed in range(20)]

    assert all(names == sorted(names) and len(names) == 2 for names in chosen)
    assert len({tuple(names) for names in chosen}) == 3
    assert chosen == [selector.choose(pool, Random(seed)) for seed in range(20)]


def test_a_share_of_all_is_taken_from_the_living() -> None:
    selector = Selector.model_validate({"group": "hospital", "pick": "50%"})

    assert selector.choose(["h-1", "h-2"], Random(1), among=4) == ["h-1", "h-2"]


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("@hospital", ("h-1", "h-2", "h-3")),
        ("@hospital:us", ("h-2",)),
        ("all", ("h-1", "h-2", "h-3", "c-1")),
        ("h-2", ("h-2",)),
        (["c-1", "@hospital:eu", "h-1"], ("c-1", "h-1", "h-3")),
    ],
)
def test_recipients_are_the_envoys_who_are_meant(to: str | list[str], expected: object) -> None:
    assert recipients(to, ROSTER) == expected


@pytest.mark.parametrize(
    ("to", "message", "known"),
    [
        ("h-9", "there is no envoy 'h-9'", ("h-1", "h-2", "h-3", "c-1")),
        ("alice", "there is no envoy 'alice'", ("h-1", "h-2", "h-3", "c-1")),
        ("@hospital:asia", "labelled 'asia'", ("@hospital:eu", "@hospital:us")),
        ("@ward", "there is no group 'ward'", ("hospital", "clinic")),
    ],
)
def test_recipients_who_are_not_there_are_refused(to: str, message: str, known: object) -> None:
    with pytest.raises(UnknownTargetError, match=message) as refusal:
        recipients(to, ROSTER)

    assert refusal.value.known == known
