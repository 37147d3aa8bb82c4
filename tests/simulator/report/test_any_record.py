"""Whatever a well-formed record tells, it is judged and reported without an exception."""

import io
from collections.abc import Callable
from random import Random

from hypothesis import given, settings, strategies as st
from rich.console import Console

from simulator.checkers.expect import Expect
from simulator.checkers.judge import judge
from simulator.report.cases import CaseResult
from simulator.report.console import render_summary
from simulator.report.html import page
from simulator.report.junit import junit_xml
from simulator.report.result import result_json
from simulator.report.summary import summarize
from tests.simulator.report.tale import Tale

NAMES = ["a", "b", "c"]
EXPECT = Expect.model_validate(
    {
        "outcomes": {"*": "finished", "bob/*": "rejected"},
        "slo": [
            "rpc.all.latency.p99 < 1s",
            "rpc.all.errors < 1%",
            "rpc.GetEnvoys.rate > 1/s",
            "envoy.offline_detection.max < 5s",
            "envoy.comeback.max < 5s",
            "experiment.delivery.max < 1s",
            "experiment.duration.p50 < 1m",
            "harness.lag.max < 1s",
        ],
    }
)
PHASES: list[list[tuple[str, float, float]]] = [
    [("calm", 0, 60), ("storm", 60, 120), ("recover", 120, 200)],
    [("calm", 0, 60)],
    [("recover", 0, 60)],
    [],
]

Tell = Callable[[Tale, Random, float], object]


def who(random: Random) -> str:
    return random.choice(NAMES)


def what(random: Random) -> str:
    return random.choice(["e1", "e2"])


def some(random: Random) -> list[str]:
    return random.sample(NAMES, random.randrange(len(NAMES) + 1))


EVENTS: list[Tell] = [
    lambda t, r, at: t.actor(who(r), r.choice(["envoy", "frontend", "attacker"]), at),
    lambda t, r, at: t.note(at, "actor.kill", {}, actor=who(r)),
    lambda t, r, at: t.note(at, "actor.pause", {}, actor=who(r)),
    lambda t, r, at: t.note(at, "actor.resume", {}, actor=who(r)),
    lambda t, r, at: t.note(at, "actor.stop", {}, actor=who(r)),
    lambda t, r, at: t.note(at, "envoy.dead", {"why": "it raised"}, actor=who(r)),
    lambda t, r, at: t.register(who(r), at, accepted=r.random() < 0.8),
    lambda t, r, at: t.beat(who(r), at, code=r.choice(["", "NOT_FOUND", "UNAVAILABLE"])),
    lambda t, r, at: t.wait(who(r), at, r.choice([None, 1, 10]), brought=r.choice(["", "e1"])),
    lambda t, r, at: t.listing(at, online=some(r), offline=[]),
    lambda t, r, at: t.submit(
        what(r),
        some(r),
        at,
        by=r.choice(["alice", "bob"]),
        code=r.choice(["", "UNAVAILABLE", "ALREADY_EXISTS"]),
    ),
    lambda t, r, at: t.status(what(r), at, r.choice(["pending", "in_progress", "finished", ""])),
    lambda t, r, at: t.remove(what(r), at),
    lambda t, r, at: t.follow(what(r), at, r.choice([None, 5])),
    lambda t, r, at: t.fault(what(r), at, r.choice([None, at + 5]), targets=some(r)),
    lambda t, r, at: t.note(at, r.choice(["director.kill", "director.stop", "director.start"]), {}),
    lambda t, r, at: t.tasks(who(r), what(r), at, quits=r.random() < 0.5),
    lambda t, r, at: t.train(who(r), what(r), at, 3, nth=r.randrange(3)),
    lambda t, r, at: t.download(who(r), what(r), at, 3),
    lambda t, r, at: t.note(at, "harness.lag", {"max_s": r.random()}),
]


# Laying out a report takes a tenth of a second; fifty records meet every kind of event.
@settings(max_examples=50)
@given(
    st.randoms(use_true_random=False),
    st.sampled_from(PHASES),
    st.lists(st.sampled_from(EVENTS), max_size=60),
)
def test_any_record_is_judged_and_reported(
    random: Random, phases: list[tuple[str, float, float]], events: list[Tell]
) -> None:
    tale = Tale(phases=phases)
    for tell in events:
        tell(tale, random, random.uniform(0, 200))
    history = tale.history()

    verdict = judge(history, EXPECT, safety=[])
    summary = summarize(history, verdict)
    result = CaseResult(scenario="tale", case={}, seed=7, wall_s=1, summary=summary)

    assert [one.error for one in verdict.results if one.error] == []
    render_summary(summary, Console(file=io.StringIO(), width=90))
    assert all([page(summary), result_json(result), junit_xml([result])])
