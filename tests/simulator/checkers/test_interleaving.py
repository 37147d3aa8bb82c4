"""Stories that have nothing to do with each other are judged the same however they are mixed."""

from collections.abc import Callable, Sequence

from hypothesis import given, strategies as st

from simulator.checkers import SAFETY
from simulator.checkers.base import Validity
from tests.simulator.checkers.given import Given, shown

Step = Callable[[Given], None]


def an_envoys_day(envoy: str) -> list[Step]:
    """Return what an honest envoy and its own frontend do."""
    owner, experiment = f"owner-of-{envoy}", f"for-{envoy}"
    return [
        lambda record: record.registers(envoy).ok(),
        lambda record: record.beats(envoy).ok(),
        lambda record: record.uploads(owner, experiment, [envoy]).ok(),
        lambda record: record.waits(envoy, brings=experiment).ok(),
        lambda record: record.downloads(envoy, experiment).ok(),
        lambda record: record.asks_status(owner, experiment, "in_progress").ok(),
        lambda record: record.reports_failure(envoy, experiment).ok(),
        lambda record: record.asks_status(owner, experiment, "failed").ok(),
        lambda record: record.removes(owner, experiment).ok(),
        lambda record: record.asks_status(owner, experiment).refused("NOT_FOUND"),
    ]


BREACHES: dict[str, list[Step]] = {
    "names": [
        lambda record: record.uploads("eve", "taken").ok(),
        lambda record: record.uploads("tom", "taken").ok(),
    ],
    "targeting": [
        lambda record: record.uploads("eve", "mine", ["x"]).ok(),
        lambda record: record.waits("y", brings="mine").ok(),
    ],
    "status-machine": [
        lambda record: record.uploads("eve", "undead", ["x"]).ok(),
        lambda record: record.asks_status("eve", "undead", "failed").ok(),
        lambda record: record.asks_status("eve", "undead", "finished").ok(),
    ],
    "unknown-heartbeat": [
        lambda record: record.registers("x").ok(),
        lambda record: record.beats("x").refused("NOT_FOUND"),
    ],
    "no-bad-accept": [
        lambda record: record.uploads("eve", "noise", ["x"], intent="not_zip").ok(),
    ],
    "monotone": [
        lambda record: record.lists("eve", shown("nobody", updated_at=2.0)).ok(),
        lambda record: record.lists("eve", shown("nobody", updated_at=1.0)).ok(),
    ],
}


def mixed(data: st.DataObject, stories: Sequence[list[Step]]) -> Given:
    """Tell several stories at once; the steps of each stay in order."""
    record = Given()
    waiting = [list(story) for story in stories]
    while remaining := [story for story in waiting if story]:
        data.draw(st.sampled_from(remaining)).pop(0)(record)
    return record


@given(st.data())
def test_honest_stories_keep_every_promise_in_any_mixture(data: st.DataObject) -> None:
    record = mixed(data, [an_envoys_day("a"), an_envoys_day("b"), an_envoys_day("c")])

    history = record.history()

    assert all(checker.check(history).validity is Validity.VALID for checker in SAFETY)


@given(st.data(), st.sampled_from(sorted(BREACHES)))
def test_a_breach_is_seen_in_any_mixture(data: st.DataObject, guarantee: str) -> None:
    record = mixed(data, [an_envoys_day("a"), BREACHES[guarantee], an_envoys_day("b")])

    history = record.history()

    (checker,) = [checker for checker in SAFETY if checker.guarantee == guarantee]
    assert checker.check(history).validity is Validity.INVALID
