"""Experiments and streams that end, or do not: histories that pass, fail, and cannot tell."""

import pytest

from simulator.checkers.base import Judgement, Validity
from simulator.checkers.liveness_experiments import ExperimentsEnd, NoBlocking, StreamsEnd
from simulator.history.entry import Kind
from tests.simulator.report.tale import Tale


def a_tale() -> Tale:
    tale = Tale()
    tale.actor("alice", "frontend", 0)
    for envoy in ("a", "b"):
        tale.envoy(envoy)
    return tale


def only_message(judgement: Judgement) -> str:
    (finding,) = judgement.findings
    return finding.message


# ---------------------------------------------------------------- experiments-end


@pytest.mark.parametrize("status", ["finished", "failed"])
def test_an_experiment_that_its_owner_reads_as_over_has_ended(status: str) -> None:
    tale = a_tale()
    tale.submit("e1", ["a", "b"], 20)
    tale.status("e1", 100, "in_progress")
    tale.status("e1", 250, status)

    judgement = ExperimentsEnd().check(tale.history())

    assert (judgement.validity, judgement.occasions) == (Validity.VALID, 1)


def test_an_experiment_in_which_nothing_moves_any_more_has_not_ended() -> None:
    tale = a_tale()
    tale.submit("e1", ["a", "b"], 20)
    tale.download("b", "e1", 21, 2)
    tale.result("a", "e1", 49.96)
    tale.status("e1", 290, "in_progress")

    judgement = ExperimentsEnd().check(tale.history())

    assert judgement.validity is Validity.INVALID
    assert "its owner last read 'in_progress' at 290.0 s" in only_message(judgement)
    assert "nothing got further since 50.0 s; it waits for b" in only_message(judgement)
    assert "GetExperimentData at 21.0 s, answered OK" in only_message(judgement)


@pytest.mark.parametrize(
    ("worked_at", "validity"), [(285, Validity.UNKNOWN), (200, Validity.INVALID)]
)
def test_an_experiment_may_wait_for_who_works_on_another(
    worked_at: float, validity: Validity
) -> None:
    tale = a_tale()
    tale.submit("e1", ["a"], 10)
    tale.submit("e2", ["a", "b"], 20)
    tale.result("a", "e1", worked_at)
    tale.status("e1", 290, "finished")
    tale.status("e2", 290, "in_progress")

    judgement = ExperimentsEnd().check(tale.history())

    assert judgement.validity is validity
    assert "e2 had not ended" in only_message(judgement)


def test_who_is_dead_excuses_nothing_where_a_quorum_lives() -> None:
    tale = three_of_whom_one_dies(dies_at=100)
    tale.status("e1", 290, "in_progress")

    judgement = ExperimentsEnd().check(tale.history())

    assert judgement.validity is Validity.INVALID
    assert "e1 had not ended" in only_message(judgement)


@pytest.mark.parametrize(
    ("dies_at", "comes_back_at", "quorum", "dead_after_s"),
    [
        pytest.param(270, None, "majority", 60, id="died too late"),
        pytest.param(100, 280, "majority", 60, id="came back"),
        pytest.param(100, None, "all", 60, id="below the quorum"),
        pytest.param(100, None, "majority", 0, id="the dead are waited for"),
    ],
)
def test_who_may_be_waited_for_is_an_excuse(
    dies_at: float, comes_back_at: float | None, quorum: str, dead_after_s: float
) -> None:
    tale = three_of_whom_one_dies(dies_at=dies_at, quorum=quorum, dead_after_s=dead_after_s)
    if comes_back_at is not None:
        tale.note(comes_back_at, "actor.start", {"kind": "envoy"}, actor="c")
    tale.status("e1", 290, "in_progress")

    judgement = ExperimentsEnd().check(tale.history())

    assert judgement.occasions == 0


def three_of_whom_one_dies(
    *, dies_at: float, quorum: str = "majority", dead_after_s: float = 60
) -> Tale:
    tale = Tale(quorum=quorum, dead_after_s=dead_after_s)
    tale.actor("alice", "frontend", 0)
    for envoy in ("a", "b", "c"):
        tale.envoy(envoy)
    tale.submit("e1", ["a", "b", "c"], 20)
    tale.note(dies_at, "actor.kill", {}, actor="c")
    return tale


@pytest.mark.parametrize("training", [True, False])
def test_an_experiment_that_still_moves_when_the_run_is_over_proves_nothing(
    *, training: bool
) -> None:
    tale = a_tale()
    tale.submit("e1", ["a", "b"], 20)
    if training:
        tale.note(100, "training.started", {"experiment": "e1", "round": 0, "task": "t"}, actor="a")
    else:
        tale.result("a", "e1", 285)
    tale.status("e1", 290, "in_progress")

    judgement = ExperimentsEnd().check(tale.history())

    assert judgement.validity is Validity.UNKNOWN
    assert "a longer recovery would tell" in only_message(judgement)


def test_downloading_the_same_archive_over_and_over_is_no_progress() -> None:
    tale = a_tale()
    tale.submit("e1", ["a", "b"], 20)
    for turn in range(26, 300, 2):
        tale.note(turn, "download.done", {"experiment": "e1"}, actor="a")
    tale.status("e1", 290, "in_progress")

    assert ExperimentsEnd().check(tale.history()).validity is Validity.INVALID


def test_an_experiment_whose_status_nobody_reads_in_time_may_have_ended() -> None:
    tale = a_tale()
    tale.submit("e1", ["a", "b"], 20)
    tale.status("e1", 190, "in_progress")

    judgement = ExperimentsEnd().check(tale.history())

    assert judgement.validity is Validity.UNKNOWN
    assert "too early to tell" in only_message(judgement)


def test_a_stream_that_ended_or_collaborators_told_to_quit_show_the_end_too() -> None:
    tale = a_tale()
    tale.submit("followed", ["a", "b"], 20)
    tale.follow("followed", 21, 60)
    tale.submit("quit", ["a", "b"], 90)
    tale.tasks("a", "quit", 120, quits=True)
    tale.tasks("b", "quit", 121, quits=True)

    judgement = ExperimentsEnd().check(tale.history())

    assert (judgement.validity, judgement.occasions) == (Validity.VALID, 2)


def test_a_later_reading_denies_an_end_that_a_stream_seemed_to_show() -> None:
    tale = a_tale()
    tale.submit("e1", ["a", "b"], 20)
    tale.follow("e1", 21, 60)
    tale.status("e1", 290, "in_progress")

    assert ExperimentsEnd().check(tale.history()).validity is Validity.INVALID


def test_removed_experiments_and_those_whose_collaborators_died_need_not_end() -> None:
    tale = a_tale()
    tale.submit("removed", ["a"], 20)
    tale.remove("removed", 50)
    tale.submit("orphaned", ["a", "c"], 60)
    tale.status("orphaned", 290, "in_progress")

    assert ExperimentsEnd().check(tale.history()).occasions == 0


def test_an_upload_whose_answer_was_lost_is_an_experiment_once_its_owner_reads_of_it() -> None:
    tale = a_tale()
    tale.submit("lost", ["a"], 20, code="UNAVAILABLE")
    tale.submit("kept", ["a"], 30, code="UNAVAILABLE")
    tale.submit("kept", ["a"], 35, code="ALREADY_EXISTS")
    tale.status("kept", 290, "finished")

    judgement = ExperimentsEnd().check(tale.history())

    assert (judgement.validity, judgement.occasions) == (Validity.VALID, 1)


# ---------------------------------------------------------------- no-blocking


def test_the_others_end_although_one_collaborator_is_absent() -> None:
    tale = a_tale()
    tale.submit("stuck", ["a", "ghost"], 20)
    tale.submit("free", ["b"], 30)
    tale.status("free", 100, "finished")

    judgement = NoBlocking().check(tale.history())

    assert (judgement.validity, judgement.occasions) == (Validity.VALID, 1)


def test_an_experiment_that_waits_behind_an_absent_collaborator_is_held_up() -> None:
    tale = a_tale()
    tale.submit("stuck", ["a", "ghost"], 20)
    tale.submit("free", ["b"], 30)
    tale.status("free", 290, "pending")

    judgement = NoBlocking().check(tale.history())

    assert judgement.validity is Validity.INVALID
    assert "stuck stood beside it, whose ghost was absent" in only_message(judgement)


@pytest.mark.parametrize(("begins_at", "validity"), [(40, Validity.VALID), (151, Validity.INVALID)])
def test_an_experiment_that_begins_only_once_anothers_collaborator_is_back_was_held_up(
    begins_at: float, validity: Validity
) -> None:
    tale = a_tale()
    tale.note(25, "actor.kill", {}, actor="a")
    tale.restart("a", 150)
    tale.submit("lame", ["a"], 20)
    tale.submit("free", ["b"], 30)
    tale.note(begins_at, "experiment.distributed", {"experiment": "free"}, actor="b")
    tale.status("free", 250, "finished")
    tale.status("lame", 200, "finished")

    judgement = NoBlocking().check(tale.history())

    assert (judgement.validity, judgement.occasions) == (validity, 1)


def test_whether_one_was_held_up_is_unknown_where_it_still_moves() -> None:
    tale = a_tale()
    tale.submit("stuck", ["a", "ghost"], 20)
    tale.submit("free", ["b"], 30)
    tale.result("b", "free", 290)
    tale.status("free", 295, "in_progress")

    assert NoBlocking().check(tale.history()).validity is Validity.UNKNOWN


def test_nothing_can_be_held_up_where_nobody_is_absent() -> None:
    tale = a_tale()
    tale.submit("e1", ["a", "b"], 20)
    tale.submit("e2", ["a", "b"], 30)

    assert NoBlocking().check(tale.history()).occasions == 0


# ---------------------------------------------------------------- streams-end


def test_a_stream_that_ends_with_its_experiment_is_well() -> None:
    tale = a_tale()
    tale.submit("e1", ["a"], 20)
    tale.follow("e1", 21, 50)
    tale.status("e1", 72, "finished")

    judgement = StreamsEnd().check(tale.history())

    assert (judgement.validity, judgement.occasions) == (Validity.VALID, 1)


@pytest.mark.parametrize("took_s", [None, 200])
def test_a_stream_that_outlasts_its_experiment_hangs(took_s: float | None) -> None:
    tale = a_tale()
    tale.submit("e1", ["a"], 20)
    tale.follow("e1", 21, took_s)
    tale.status("e1", 71, "finished")

    judgement = StreamsEnd().check(tale.history())

    assert judgement.validity is Validity.INVALID
    assert "alice still followed e1" in only_message(judgement)


def test_a_stream_that_was_hung_up_on_or_of_an_unread_end_says_nothing() -> None:
    tale = a_tale()
    tale.submit("e1", ["a"], 20)
    tale.follow("e1", 21, 30, kind=Kind.INFO)
    tale.submit("e2", ["a"], 20)
    tale.follow("e2", 21, None)
    tale.status("e1", 71, "finished")

    assert StreamsEnd().check(tale.history()).occasions == 0


def test_a_stream_that_a_fault_holds_is_not_the_directors_fault() -> None:
    tale = a_tale()
    tale.submit("e1", ["a"], 20)
    tale.follow("e1", 21, None)
    tale.fault("hole", 63, 299, kind="link.blackhole", targets=["alice"])
    tale.status("e1", 62, "finished")

    assert StreamsEnd().check(tale.history()).occasions == 0
