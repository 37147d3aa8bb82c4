"""Whole made-up runs, for reports to show: one in which everything holds, one that breaks."""

from simulator.checkers.base import Checker, Docket
from simulator.checkers.expect import Expect
from simulator.checkers.judge import judge
from simulator.checkers.validity import PlannedFault
from simulator.history.history import History
from simulator.report.summary import About, Summary, summarize
from tests.simulator.report.tale import Tale

ENVOYS = [f"hospital-{number:02}" for number in range(1, 9)]
PLANNED = (
    PlannedFault(fault="silent-hearts", type="heartbeat.drop"),
    PlannedFault(fault="blackhole-mid-download", type="link.blackhole"),
    PlannedFault(fault="restart", type="director.restart"),
)
EXPECT = Expect.model_validate(
    {
        "waive": [{"guarantee": "throughput", "why": "the storm outlasts the recovery"}],
        "outcomes": {"brain-mri": "finished", "mallory/*": "rejected"},
        "slo": [
            "rpc.UpdateEnvoyStatus.latency.p99 < 250ms",
            "envoy.offline_detection.max < 40s",
        ],
    }
)


class NothingDrops(Checker):
    """A promise of safety that holds in every run of this file."""

    guarantee = "registry"
    promise = "GetEnvoys lists exactly the envoys whose registration was accepted."

    def examine(self, history: History, docket: Docket) -> None:
        docket.occasion(len(history.calls("GetEnvoys")))


def a_run(*, ends: bool = True) -> Tale:
    """Eight hospitals, one experiment of three rounds, three faults; it hangs where it must."""
    phases = [("calm", 0.0, 60.0), ("storm", 60.0, 240.0), ("recover", 240.0, 360.0)]
    tale = Tale(phases=phases)
    tale.actor("alice", "frontend", 0)
    for number, envoy in enumerate(ENVOYS):
        tale.envoy(envoy, 0.5 + number / 2, until=None)
        silent = (80.0, 190.0) if number in {2, 5} else (205.0, 208.0)
        for beat in range(36):
            at = 2 + number / 2 + 10 * beat
            if not silent[0] < at < silent[1]:
                tale.beat(envoy, at)
        tale.wait(envoy, 15, 5.1, brought="brain-mri")
        tale.note(20.2, "experiment.distributed", {"experiment": "brain-mri"}, actor=envoy)
        tale.download(envoy, "brain-mri", 20.3, 2 + number / 4)
        for nth in range(3 if ends else 2):
            begin = 30.0 + 50 * nth + number
            tale.train(envoy, "brain-mri", begin, 20, nth=nth)
    losses = [("aggregator", "train", "loss", 2.0 / (nth + 1) ** 2, nth) for nth in range(3)]
    tale.submit("brain-mri", ENVOYS, 20)
    tale.follow("brain-mri", 21, 144 if ends else None, metrics=losses)
    tale.note(1, "experiment.accepted", {"experiment": "brain-mri", "code": "OK"}, actor="alice")
    for turn in range(1, 71):
        at = 5.0 * turn
        away = [ENVOYS[2], ENVOYS[5]] if 100 < at < 192 else []
        if not 200 <= at <= 208:
            tale.listing(at, online=[e for e in ENVOYS if e not in away], offline=away)
        status = "finished" if ends and at > 165 else "in_progress"
        if at > 20:
            tale.status("brain-mri", at + 0.3, status)
    for turn in range(3):
        tale.submit(f"evil-{turn}", ENVOYS, 70 + 50 * turn, by="mallory", code="INVALID_ARGUMENT")
    for hit in (ENVOYS[2], ENVOYS[5]):
        beat = tale.beat(hit, 85, took_s=10, code="DEADLINE_EXCEEDED")
        tale.fault("silent-hearts", 80, 190, targets=[hit], touched=[beat])
    tale.fault(
        "blackhole-mid-download", 21, 66, kind="link.blackhole", targets=[ENVOYS[6]], touched=[]
    )
    tale.fault("restart", 200, 208, kind="director.restart")
    tale.note(200, "director.kill", {})
    tale.note(208, "director.start", {})
    tale.note(150, "actor.kill", {}, actor=ENVOYS[7])
    tale.restart(ENVOYS[7], 170)
    return tale


def a_summary(*, ends: bool = True, xfail: bool = False, expect: Expect = EXPECT) -> Summary:
    history = a_run(ends=ends).history()
    verdict = judge(history, expect, safety=[NothingDrops()], planned=PLANNED)
    return summarize(
        history,
        verdict,
        planned=PLANNED,
        about=About(
            title="Hearts fall silent",
            doc="Two hospitals fall silent.\nThe Director is restarted.\n",
            is_expected_to_fail=xfail,
        ),
        reproduce="simulate scenarios/tale.yaml --case identity=plaintext --seed 7",
    )
