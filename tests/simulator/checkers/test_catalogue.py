"""The catalogue: every promise has its judge, and long records are judged in one pass."""

import pytest

from simulator.checkers import CHECKERS, SAFETY
from simulator.checkers.base import Checker, PromiseKind
from simulator.checkers.expect import GUARANTEES
from simulator.history.history import History
from tests.simulator.checkers.given import Given, is_silent, shown, tensor
from tests.simulator.checkers.training import METRICS, whole_run

ENVOYS = 50
ROUNDS_OF_THE_CLOCK = 400


def test_every_promise_has_one_judge_in_the_order_of_the_list() -> None:
    names = [checker.guarantee for checker in CHECKERS]

    assert names == list(GUARANTEES)


def test_safety_comes_first_and_every_promise_is_a_sentence() -> None:
    kinds = [checker.kind for checker in CHECKERS]

    assert kinds[: len(SAFETY)] == [PromiseKind.SAFETY] * len(SAFETY)
    assert all(checker.promise.endswith(".") for checker in CHECKERS)


@pytest.mark.parametrize("checker", CHECKERS, ids=lambda checker: checker.guarantee)
def test_of_nothing_nothing_can_be_said(checker: Checker) -> None:
    judgement = checker.check(Given().history())

    assert is_silent(judgement)
    assert judgement.occasions == 0


@pytest.mark.parametrize("checker", SAFETY, ids=lambda checker: checker.guarantee)
def test_a_little_run_without_faults_keeps_every_promise(checker: Checker) -> None:
    record = whole_run()
    record.follows("alice", "brain", *METRICS).ok()
    record.fetches("alice", "brain", "last", {"w": tensor(5.0, 10.0)}).ok()

    assert is_silent(checker.check(record.history()))


@pytest.fixture(scope="module")
def long_history() -> History:
    """A long life: heartbeats, waits, listings, questions, unanswered calls and refusals."""
    record = Given().envoys(*(f"env-{number}" for number in range(ENVOYS))).frontends("alice")
    for number in range(ENVOYS):
        record.registers(f"env-{number}").ok()
    for turn in range(ROUNDS_OF_THE_CLOCK):
        record.after(5.0)
        for number in range(ENVOYS):
            beat = record.beats(f"env-{number}")
            if (turn + number) % 10:
                beat.ok()
            else:
                beat.lost("DEADLINE_EXCEEDED")
            record.waits(f"env-{number}").ok()
        experiment = f"e{turn}"
        record.uploads("alice", experiment, [f"env-{turn % ENVOYS}"]).ok()
        record.waits(f"env-{turn % ENVOYS}", brings=experiment).ok()
        record.downloads(f"env-{turn % ENVOYS}", experiment).ok()
        record.asks_status("alice", experiment, "in_progress").ok()
        record.uploads("alice", experiment).refused("ALREADY_EXISTS")
        record.lists(
            "alice",
            *(shown(f"env-{number}", updated_at=5.0 * turn) for number in range(ENVOYS)),
        ).ok()
    return record.history()


@pytest.mark.parametrize("checker", SAFETY, ids=lambda checker: checker.guarantee)
def test_a_long_record_is_judged(checker: Checker, long_history: History) -> None:
    assert len(long_history.entries) > ENVOYS * ROUNDS_OF_THE_CLOCK * 4

    assert is_silent(checker.check(long_history))
