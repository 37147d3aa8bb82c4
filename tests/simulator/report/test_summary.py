"""What is counted of a run."""

import pytest

from simulator.checkers.base import Validity
from simulator.checkers.expect import Expect
from simulator.checkers.judge import judge
from simulator.report.lanes import Span
from simulator.report.summary import Summary, summarize, title
from simulator.report.training import Curve
from tests.simulator.report.runs import ENVOYS, a_run, a_summary
from tests.simulator.report.tale import Tale


def summarized(tale: Tale) -> Summary:
    history = tale.history()
    return summarize(history, judge(history, Expect()))


@pytest.fixture(scope="module")
def summary() -> Summary:
    return a_summary()


def test_phases_and_calls_are_counted(summary: Summary) -> None:
    assert summary.validity is Validity.VALID
    assert [(phase.name, phase.begin_s) for phase in summary.phases] == [
        ("calm", 0),
        ("storm", 60),
        ("recover", 240),
    ]
    assert summary.calls == len(a_run().history().all_calls)
    busiest = summary.rpcs[0]
    assert (busiest.rpc, busiest.refused) == ("UpdateEnvoyStatus", 0)
    assert busiest.total == busiest.ok + busiest.unsure
    assert busiest.p99_s == pytest.approx(0.04)


def test_the_ledger_tells_what_was_planned_fired_and_touched(summary: Summary) -> None:
    ledger = {line.fault: line for line in summary.faults}

    assert list(ledger) == ["silent-hearts", "blackhole-mid-download", "restart"]
    assert (ledger["silent-hearts"].fired, ledger["silent-hearts"].touched) == (2, 2)
    assert ledger["blackhole-mid-download"].windows == (
        Span(begin_s=21, end_s=66, label="hospital-07"),
    )
    assert all(line.is_planned for line in summary.faults)
    assert summary.downtimes == (Span(begin_s=200, end_s=208),)


def test_an_experiment_is_told_with_its_rounds_and_how_its_loss_fell(summary: Summary) -> None:
    brain = summary.experiments[0]

    assert (brain.name, brain.owner, brain.outcome) == ("brain-mri", "alice", "finished")
    assert (brain.rounds_done, brain.rounds) == (3, 3)
    assert [nth for nth, _ in brain.rounds_begun] == [0, 1, 2]
    assert brain.loss == Curve(metric="train/loss", points=((0, 2.0), (1, 0.5), (2, 2 / 9)))
    assert [line.outcome for line in summary.experiments[1:]] == ["rejected"] * 3


def test_where_nobody_follows_the_metrics_the_loss_is_what_was_sent() -> None:
    (brain, *_) = a_summary(ends=False).experiments

    assert brain.loss == Curve(metric="train/loss", points=((0, 1.0), (1, 0.5)))


def test_where_the_stream_broke_off_the_loss_is_what_was_sent() -> None:
    tale = a_run()
    tale.submit("again", ENVOYS[:1], 250)
    tale.follow("again", 251, 1, metrics=[("aggregator", "train", "loss", 9.0, 0)])
    for nth in range(2):
        tale.train(ENVOYS[0], "again", 255.0 + 20 * nth, 10, nth=nth)

    again = summarized(tale).experiments[-1]

    assert again.loss is not None
    assert [nth for nth, _ in again.loss.points] == [0, 1]


@pytest.mark.parametrize("name", ["accuracy", "dice", "train", "samesize_mseq"])
def test_what_does_not_measure_an_error_is_no_loss(name: str) -> None:
    tale = Tale()
    tale.submit("e", ["a"], 20)
    tale.follow("e", 21, 1, metrics=[("aggregator", "train", name, 0.9, 0)])

    (line,) = summarized(tale).experiments

    assert line.loss is None


@pytest.mark.parametrize("name", ["loss", "train_loss", "CrossEntropyLoss", "MSE", "val-rmse"])
def test_a_loss_is_known_by_its_name(name: str) -> None:
    tale = Tale()
    tale.submit("e", ["a"], 20)
    metrics = [
        ("aggregator", "validate", "accuracy", 0.9, 0),
        ("aggregator", "validate", "loss", 0.8, 0),
        ("aggregator", "train", name, 0.7, 0),
    ]
    tale.follow("e", 21, 1, metrics=metrics)

    (line,) = summarized(tale).experiments

    assert line.loss == Curve(metric=f"train/{name}", points=((0, 0.7),))


def test_an_experiment_that_was_removed_is_over() -> None:
    tale = Tale()
    tale.submit("e", ["a"], 20)
    tale.remove("e", 42)

    (line,) = summarized(tale).experiments

    assert line.outcome == "removed"
    assert line.ended_s == pytest.approx(42.04)


def test_an_envoy_is_told_as_the_listings_showed_it(summary: Summary) -> None:
    lines = {line.name: line for line in summary.envoys}

    assert list(lines) == ENVOYS
    silent = lines["hospital-03"]
    assert len(silent.offline) == 1
    assert silent.offline[0].begin_s == pytest.approx(105.04)
    assert silent.is_online
    assert lines["hospital-08"].away == (Span(begin_s=150, end_s=170),)
    assert [mark.topic for mark in lines["hospital-08"].marks] == [
        "actor.start",
        "envoy.registered",
        "actor.kill",
        "actor.start",
        "envoy.registered",
    ]
    assert silent.downloads == (Span(begin_s=20.3, end_s=22.8, label="brain-mri"),)
    assert len(silent.trainings) == 3


def test_what_decided_the_verdict_is_excerpted() -> None:
    broken = a_summary(ends=False)

    assert [(line.actor, line.topic, line.kind) for line in broken.witness] == [
        ("alice", "SetNewExperiment", "invoke"),
        ("alice", "SetNewExperiment", "ok"),
        ("alice", "GetExperimentStatus", "ok"),
    ]


def test_a_case_is_named_by_its_scenario_and_cell() -> None:
    assert title("flaky", {}) == "flaky"
    assert title("flaky", {"identity": "mtls", "loss": 0.1}) == "flaky [identity=mtls loss=0.1]"
