"""A run in numbers: everything that reports show, built once from the record and its verdict.

Pure values; how they look is each report's own business.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from simulator.checkers.base import Validity
from simulator.checkers.judge import Verdict
from simulator.checkers.slo import statistic
from simulator.checkers.validity import PlannedFault, rpcs_touched
from simulator.history.calls import Call
from simulator.history.entry import JsonObject, Kind
from simulator.history.history import History
from simulator.report.lanes import EnvoyLine, Span, downtimes, envoy_lines
from simulator.report.outcome import CaseOutcome, outcome_of
from simulator.report.training import ExperimentLine, experiment_lines

WEATHER = "weather"
"""Under this name the network's own losses are recorded; it is no fault of the scenario's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a scenario says of itself."""

    title: str = ""
    doc: str = ""
    is_expected_to_fail: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcLine:
    """How often one RPC was made, and what came of it."""

    rpc: str
    ok: int
    refused: int
    unsure: int
    """May have happened, or never ended."""
    p50_s: float | None
    p99_s: float | None
    """Of the calls that were answered OK; None where none was."""

    @property
    def total(self) -> int:
        """How often it was made."""
        return self.ok + self.refused + self.unsure


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseLine:
    """A stretch of the run."""

    name: str
    begin_s: float
    end_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultLine:
    """A fault of the scenario, and what it did."""

    fault: str
    type: str
    windows: tuple[Span, ...]
    """When it was open; the label names whom it hit."""
    touched: int
    """How many RPCs it laid hands on."""
    is_planned: bool

    @property
    def fired(self) -> int:
        """How often it opened."""
        return len(self.windows)


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessLine:
    """One entry of the record that speaks for a finding."""

    index: int
    time_s: float
    kind: str
    actor: str
    topic: str
    value: JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One run, told."""

    scenario: str
    about: About
    seed: int
    case: JsonObject
    world: str
    identity: str
    ended_s: float
    """How long it took on its own clock."""
    entries: int
    verdict: Verdict
    rpcs: tuple[RpcLine, ...]
    """Busiest first."""
    phases: tuple[PhaseLine, ...]
    envoys: tuple[EnvoyLine, ...]
    experiments: tuple[ExperimentLine, ...]
    faults: tuple[FaultLine, ...]
    weathered: int
    """How many RPCs the weather reset."""
    downtimes: tuple[Span, ...]
    """When the Director was down."""
    witness: tuple[WitnessLine, ...]
    """What decided the verdict, excerpted."""
    reproduce: str
    """The command that does it again."""

    @property
    def validity(self) -> Validity:
        """VALID, INVALID or UNKNOWN."""
        return self.verdict.validity

    @property
    def outcome(self) -> CaseOutcome:
        """How the case ended, by what its scenario expects of it."""
        is_expected_to_fail = self.about.is_expected_to_fail
        return outcome_of(self.validity, is_expected_to_fail=is_expected_to_fail)

    @property
    def calls(self) -> int:
        """How many RPCs were made."""
        return sum(line.total for line in self.rpcs)

    @property
    def title(self) -> str:
        """The scenario and its case, on one line."""
        return title(self.scenario, self.case)


def title(scenario: str, case: JsonObject) -> str:
    """Return a scenario and its case as people write them: `name [identity=mtls loss=0.1]`."""
    cell = " ".join(f"{key}={value}" for key, value in case.items())
    return f"{scenario} [{cell}]" if cell else scenario


def summarize(
    history: History,
    verdict: Verdict,
    *,
    planned: Sequence[PlannedFault] = (),
    about: About | None = None,
    reproduce: str = "",
) -> Summary:
    """Return a run in numbers; `reproduce` is the command that does it again."""
    header = history.header
    touched = rpcs_touched(history)
    return Summary(
        scenario=header.scenario,
        about=About() if about is None else about,
        seed=header.seed,
        case=header.case,
        world=header.world,
        identity=header.identity,
        ended_s=history.ended_at,
        entries=len(history.entries),
        verdict=verdict,
        rpcs=_rpc_lines(history),
        phases=tuple(
            PhaseLine(
                name=phase.name,
                begin_s=phase.began_at,
                end_s=history.ended_at if phase.ended_at is None else phase.ended_at,
            )
            for phase in history.phases
            if phase.name != "done"
        ),
        envoys=envoy_lines(history),
        experiments=experiment_lines(history),
        faults=_fault_lines(history, planned, touched),
        weathered=touched.get(WEATHER, 0),
        downtimes=downtimes(history),
        witness=_witness(history, verdict),
        reproduce=reproduce,
    )


def _rpc_lines(history: History) -> tuple[RpcLine, ...]:
    by_topic: dict[str, list[Call]] = {}
    for call in history.all_calls:
        by_topic.setdefault(call.topic, []).append(call)
    lines = [_rpc_line(topic, calls) for topic, calls in by_topic.items()]
    return tuple(sorted(lines, key=lambda line: -line.total))


def _rpc_line(topic: str, calls: Sequence[Call]) -> RpcLine:
    kinds = [call.kind for call in calls]
    took = [
        call.completed_at - call.invoked_at
        for call in calls
        if call.is_ok and call.completed_at is not None
    ]
    return RpcLine(
        rpc=topic,
        ok=kinds.count(Kind.OK),
        refused=kinds.count(Kind.FAIL),
        unsure=kinds.count(Kind.INFO),
        p50_s=statistic("p50", took) if took else None,
        p99_s=statistic("p99", took) if took else None,
    )


def _fault_lines(
    history: History, planned: Sequence[PlannedFault], touched: Mapping[str, int]
) -> tuple[FaultLine, ...]:
    types = {plan.fault: plan.type for plan in planned}
    windows: dict[str, list[Span]] = {fault: [] for fault in types}
    for window in history.fault_windows:
        types.setdefault(window.fault, window.type)
        end_s = history.ended_at if window.closed_at is None else window.closed_at
        span = Span(begin_s=window.opened_at, end_s=end_s, label=", ".join(window.targets))
        windows.setdefault(window.fault, []).append(span)
    names = {plan.fault for plan in planned}
    return tuple(
        FaultLine(
            fault=fault,
            type=types[fault],
            windows=tuple(spans),
            touched=touched.get(fault, 0),
            is_planned=fault in names,
        )
        for fault, spans in windows.items()
    )


# More entries than that are a history, not a witness.
_MOST_WITNESSES = 8


def _witness(history: History, verdict: Verdict) -> tuple[WitnessLine, ...]:
    first = verdict.first
    if first is None or first.worst is None:
        return ()
    entries = (history.entries[index] for index in first.worst.evidence[:_MOST_WITNESSES])
    return tuple(
        WitnessLine(
            index=entry.index,
            time_s=entry.time,
            kind=entry.kind.value,
            actor=entry.actor,
            topic=entry.topic,
            value=entry.value,
        )
        for entry in entries
    )
