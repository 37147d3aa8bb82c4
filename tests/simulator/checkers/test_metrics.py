"""metrics: the same for all who follow, all of it, once, in order."""

from collections.abc import Sequence

import pytest
from hypothesis import given, strategies as st

from simulator.checkers.metrics import FollowersSeeAll
from simulator.history.fields import RecordError
from tests.simulator.checkers.given import Given, broken, holds, is_silent
from tests.simulator.checkers.training import (
    METRICS,
    Metric,
    checks,
    finished,
    round_by_all,
    trains,
    uploaded,
    whole_run,
)

SEEN = FollowersSeeAll()

LATE: Sequence[Metric] = [
    METRICS[2],
    METRICS[3],
    ["aggregator", "train", "loss", 0.25, 0],
    ["aggregator", "check", "score", 0.5, 0],
    *METRICS[6:],
]
"""What is seen where the first round closed without a."""


def follows(record: Given, metrics: Sequence[Metric]) -> Given:
    record.follows("alice", "brain", *metrics).ok()
    return record


def test_followers_who_see_all_hold() -> None:
    record = whole_run()
    follows(record, METRICS)
    follows(record, METRICS)

    judgement = record.judged_by(SEEN)

    assert holds(judgement)
    assert judgement.occasions == 2


@given(st.integers(min_value=0, max_value=len(METRICS)))
def test_who_leaves_early_has_seen_the_beginning(so_many: int) -> None:
    record = whole_run()
    record.follows("alice", "brain").lost("CANCELLED", "", metrics=list(METRICS[:so_many]))
    follows(record, METRICS)

    assert holds(record.judged_by(SEEN))


def test_two_followers_must_not_share_a_stream() -> None:
    record = whole_run()
    record.follows("alice", "brain").lost(metrics=list(METRICS[::2]))
    record.follows("alice", "brain").lost(metrics=list(METRICS[1::2]))

    assert "differ: as number 1 the one brought" in broken(record.judged_by(SEEN))


def test_a_stream_that_ended_well_must_not_lack_what_another_brought() -> None:
    record = uploaded()
    follows(record, METRICS[:3])
    record.follows("alice", "brain").lost(metrics=list(METRICS[:5]))

    assert "ended with 3 metrics, but the stream of alice at 0.0 s brought 5" in broken(
        record.judged_by(SEEN)
    )


def test_a_stream_may_end_early_where_the_experiment_was_removed() -> None:
    record = uploaded()
    first = record.follows("alice", "brain", *METRICS[:3])
    record.follows("alice", "brain").lost(metrics=list(METRICS[:5]))
    record.removes("alice", "brain").ok()
    first.ok()

    assert holds(record.judged_by(SEEN))


def test_nothing_comes_twice() -> None:
    record = follows(whole_run(), [METRICS[0], *METRICS])

    assert "brought loss of a for train in round 0 twice" in broken(record.judged_by(SEEN))


@pytest.mark.parametrize(("one", "other"), [(0, 6), (0, 4)])
def test_nothing_comes_after_its_round_has_closed(one: int, other: int) -> None:
    metrics = list(METRICS)
    metrics[one], metrics[other] = metrics[other], metrics[one]

    assert "after the round had closed" in broken(follows(whole_run(), metrics).judged_by(SEEN))


def test_within_a_round_collaborators_may_come_in_any_order() -> None:
    metrics = [METRICS[2], METRICS[3], METRICS[0], METRICS[1], *METRICS[4:]]

    assert holds(follows(whole_run(), metrics).judged_by(SEEN))


@pytest.mark.parametrize("missing", range(len(METRICS)))
def test_nothing_is_missing_of_a_finished_experiment(missing: int) -> None:
    metrics = [metric for number, metric in enumerate(METRICS) if number != missing]
    origin, task, name, _, round_number = METRICS[missing]

    messages = [
        finding.message for finding in follows(whole_run(), metrics).judged_by(SEEN).findings
    ]

    expected = f"ended without {name} of {origin} for {task} in round {round_number}"
    assert any(expected in message for message in messages)


def test_what_nobody_sent_must_not_come() -> None:
    record = follows(whole_run(), [["a", "train", "speed", 1.0, 0], *METRICS])

    assert "brought speed of a for train in round 0, which nobody had sent" in broken(
        record.judged_by(SEEN)
    )


def test_what_was_sent_must_come_as_it_was() -> None:
    record = follows(whole_run(), [["a", "train", "loss", 0.7, 0], *METRICS[1:]])

    assert "brought loss of a for train in round 0 as 0.7; sent was 0.75" in broken(
        record.judged_by(SEEN)
    )


def test_an_average_must_be_weighted() -> None:
    metrics: list[Metric] = [*METRICS[:4], ["aggregator", "train", "loss", 0.5, 0], *METRICS[5:]]

    assert "as 0.5; the weighted mean is 0.375" in broken(
        follows(whole_run(), metrics).judged_by(SEEN)
    )


def test_an_average_of_nothing_must_not_come() -> None:
    record = uploaded()
    record.asks_tasks("a", "brain").ok()
    record.follows("alice", "brain").lost(metrics=[METRICS[4]])

    assert "though nobody had measured it" in broken(record.judged_by(SEEN))


def test_a_result_without_an_answer_may_have_counted_or_not() -> None:
    without: list[Metric] = [
        *METRICS[1:4],
        ["aggregator", "train", "loss", 0.25, 0],
        *METRICS[5:],
    ]
    for metrics in (METRICS, without):
        record = uploaded()
        record.asks_tasks("a", "brain").ok()
        call = record.sends("a", "brain", "train", 0, metrics={"loss": [0.75, "trained"]})
        call.touched("link.blackhole", "stall").lost()
        checks(record, "a", 0)
        trains(record, "b", 0)
        finished(round_by_all(record, 1))

        assert holds(follows(record, metrics).judged_by(SEEN))


def test_a_result_of_one_in_trouble_may_have_come_too_late() -> None:
    record = uploaded()
    trains(record, "b", 0)
    record.after(1).note("actor.kill", actor="a")
    record.after(1).there_are("envoy", "a")
    trains(record, "a", 0)
    finished(round_by_all(record.after(1), 1))

    assert holds(follows(record, LATE).judged_by(SEEN))


@pytest.mark.parametrize(("loss", "is_right"), [(0.25, True), (0.375, False)])
def test_who_did_not_report_everything_is_seen_but_not_in_the_mean(
    loss: float, *, is_right: bool
) -> None:
    record = uploaded()
    record.sends("a", "brain", "train", 0, size=10, metrics={"loss": [0.75, "trained"]}).ok()
    record.note("actor.kill", actor="a")
    trains(record, "b", 0)
    trains(record, "b", 1)

    follows(record, [METRICS[0], *METRICS[2:4], ["aggregator", "train", "loss", loss, 0]])

    assert holds(record.judged_by(SEEN)) is is_right


def test_a_result_that_was_in_time_must_have_counted_whatever_befell_its_sender() -> None:
    record = uploaded()
    trains(record, "b", 0)
    record.after(1).note("actor.kill", actor="a")
    record.after(1).there_are("envoy", "a")
    trains(record, "a", 0)
    record.asks_tasks("a", "brain", round_number=0, tasks=()).ok()
    finished(round_by_all(record.after(1), 1))

    assert "ended without loss of a" in broken(follows(record, LATE).judged_by(SEEN))


def sent_again(fault: str, direction: str) -> Given:
    """Let a send another loss first, of which it hears nothing."""
    record = uploaded()
    record.asks_tasks("a", "brain").ok()
    first = record.sends("a", "brain", "train", 0, metrics={"loss": [0.5, "trained"]})
    first.touched(fault, "loss" if fault == "rpc.loss" else "stall", direction).lost()
    trains(record, "a", 0)
    trains(record, "b", 0)
    return follows(finished(round_by_all(record, 1)), METRICS)


def test_of_what_is_sent_twice_either_may_have_counted() -> None:
    assert holds(sent_again("link.blackhole", "request").judged_by(SEEN))


def test_what_never_arrived_has_not_counted() -> None:
    assert holds(sent_again("rpc.loss", "request").judged_by(SEEN))


def test_what_was_answered_first_has_counted() -> None:
    assert "loss of a for train in round 0 as 0.75; sent was 0.5" in broken(
        sent_again("rpc.loss", "response").judged_by(SEEN)
    )


def test_a_failed_experiment_may_end_at_any_point() -> None:
    record = round_by_all(uploaded(), 0)
    record.asks_status("alice", "brain", "failed").ok()

    assert holds(follows(record, METRICS[:3]).judged_by(SEEN))


def test_after_a_restart_what_was_not_acknowledged_may_come_in_another_order() -> None:
    record = uploaded()
    for metrics in ([METRICS[0], METRICS[2]], [METRICS[2], METRICS[0]]):
        trains(record, "a", 0)
        trains(record, "b", 0)
        record.follows("alice", "brain").lost(metrics=list(metrics))
        record.restarts()

    assert holds(record.judged_by(SEEN))


def test_a_stream_over_a_restart_is_no_occasion() -> None:
    record = uploaded()
    stream = record.follows("alice", "brain")
    record.restarts()
    stream.lost(metrics=list(METRICS[:1]))

    assert record.judged_by(SEEN).occasions == 0


def test_where_a_result_was_sent_with_two_weights_the_mean_is_not_known() -> None:
    record = uploaded()
    record.asks_tasks("a", "brain").ok()
    for size in (10, 1000):
        call = record.sends("a", "brain", "train", 0, size=size, metrics={"loss": [0.75, "t"]})
        call.touched("link.blackhole", "stall").lost()
    trains(record, "b", 0)
    odd: Metric = ["aggregator", "train", "loss", 0.7, 0]
    record.follows("alice", "brain").lost(metrics=[METRICS[0], METRICS[2], METRICS[3], odd])

    assert holds(record.judged_by(SEEN))


def test_where_nothing_weighs_anything_the_mean_is_the_plain_one() -> None:
    record = uploaded()
    for who, loss in (("a", 0.5), ("b", 1.0)):
        record.asks_tasks(who, "brain").ok()
        record.sends(who, "brain", "train", 0, size=0, metrics={"loss": [loss, "t"]}).ok()
    seen: list[Metric] = [
        ["a", "train", "loss", 0.5, 0],
        ["b", "train", "loss", 1.0, 0],
        ["aggregator", "train", "loss", 0.75, 0],
    ]
    record.follows("alice", "brain").lost(metrics=seen)

    assert holds(record.judged_by(SEEN))


def test_what_is_no_metric_is_a_damaged_record() -> None:
    record = whole_run()
    record.follows("alice", "brain", ["a", "train", "loss"]).ok()

    with pytest.raises(RecordError, match="is no metric"):
        record.judged_by(SEEN)


def test_a_refused_stream_is_no_occasion() -> None:
    record = uploaded()
    record.follows("bob", "brain").refused("NOT_FOUND", metrics=[])
    record.follows("alice", "brain").lost(metrics=[])

    judgement = record.judged_by(SEEN)

    assert is_silent(judgement)
    assert judgement.occasions == 0
