"""The verdict on a run: every promise held against its record, the first broken one first.

Pure: the same history and expectations always give the same verdict.
"""

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from simulator.checkers.base import Checker, Finding, Judgement, PromiseKind, Validity
from simulator.checkers.expect import GUARANTEES, Expect
from simulator.checkers.liveness import liveness_checkers
from simulator.checkers.outcomes import judge_outcomes
from simulator.checkers.safety import SAFETY
from simulator.checkers.service_levels import judge_level
from simulator.checkers.slo import Slo
from simulator.checkers.validity import PlannedFault, validity_checkers
from simulator.history.history import History


class Section(StrEnum):
    """What kinds of things are judged, in the order in which they are."""

    VALIDITY = "validity"
    SAFETY = "safety"
    LIVENESS = "liveness"
    OUTCOME = "outcome"
    SLO = "slo"


_OF_KIND = {
    PromiseKind.VALIDITY: Section.VALIDITY,
    PromiseKind.SAFETY: Section.SAFETY,
    PromiseKind.LIVENESS: Section.LIVENESS,
}

_ENDS = ("failure-report", "no-blocking", "delivery", "comeback", "all-online", "answered", "alive")
CAUSES: Mapping[str, tuple[str, ...]] = {
    "monotone": ("durability",),
    "status-machine": ("durability",),
    "metrics": ("durability",),
    "model": ("durability",),
    "all-online": ("unknown-heartbeat", "comeback", "alive", "answered"),
    "experiments-end": ("targeting", "delivery-once", *_ENDS),
    "streams-end": ("experiments-end", *_ENDS),
    "no-blocking": ("alive", "delivery"),
    "comeback": ("durability", "alive"),
    "delivery": ("targeting", "delivery-once", "alive"),
    "answered": ("alive",),
    "no-storm": ("failure-report", "errors"),
    "throughput": ("no-storm", "all-online", "answered", "alive"),
    Section.OUTCOME: ("experiments-end", "no-bad-accept", "durability", *_ENDS),
    Section.SLO: ("throughput", "no-storm", "presence", *_ENDS),
}
"""What a broken promise may be a mere consequence of: named, or any of a section."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of one thing that was judged."""

    name: str
    section: Section
    promise: str
    """What was to hold, in one sentence."""
    judgement: Judgement
    waived: str | None = None
    """Why nobody is held to it."""
    error: str | None = None
    """How its checker failed; then nothing is known of the promise."""
    follows: str | None = None
    """The result that explains this one."""
    measured: str | None = None
    """The value that was held against a bound."""

    @property
    def validity(self) -> Validity:
        """What can be said of it, waived or not."""
        return Validity.UNKNOWN if self.error else self.judgement.validity

    @property
    def counts(self) -> bool:
        """Whether the verdict depends on it."""
        return self.waived is None

    @property
    def was_exercised(self) -> bool:
        """Whether it could have been broken at all."""
        return self.judgement.occasions > 0

    @property
    def worst(self) -> Finding | None:
        """The finding to tell first."""
        return self.judgement.findings[0] if self.judgement.findings else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """VALID, INVALID, or UNKNOWN: the run is inconclusive."""

    results: tuple[Result, ...]
    """In the order of judging."""

    @property
    def validity(self) -> Validity:
        """The worst of what counts."""
        found = {result.validity for result in self.results if result.counts}
        for validity in (Validity.INVALID, Validity.UNKNOWN):
            if validity in found:
                return validity
        return Validity.VALID

    @property
    def first(self) -> Result | None:
        """What decided the verdict: the first of its kind that no other explains."""
        validity = self.validity
        if validity is Validity.VALID:
            return None
        deciding = [r for r in self.results if r.counts and r.validity is validity]
        return next((result for result in deciding if result.follows is None), deciding[0])

    def of(self, section: Section) -> tuple[Result, ...]:
        """Return what was judged of one section."""
        return tuple(result for result in self.results if result.section is section)

    def result(self, name: str) -> Result:
        """Return what came of one promise.

        Raises:
            KeyError: it was not judged.
        """
        for result in self.results:
            if result.name == name:
                return result
        raise KeyError(name)


def judge(
    history: History,
    expect: Expect,
    *,
    safety: Sequence[Checker] = SAFETY,
    planned: Sequence[PlannedFault] = (),
) -> Verdict:
    """Judge a run by what its scenario expects; `planned` are the faults that it asked for.

    Liveness is as strict as the scenario says: of `safety` only promises of that kind count.
    """
    always = [checker for checker in safety if checker.kind is PromiseKind.SAFETY]
    promises = [*always, *liveness_checkers(expect)]
    chosen = [checker for checker in promises if expect.judges(checker.guarantee)]
    chosen.sort(key=lambda checker: GUARANTEES.index(checker.guarantee))
    validity = validity_checkers(expect.coverage, planned)
    results = [_checked(checker, history) for checker in (*validity, *chosen)]
    results += _outcomes(history, expect)
    results += [_kept(history, slo) for slo in expect.slo]
    return Verdict(results=_explained([_waived(result, expect) for result in results]))


def _checked(checker: Checker, history: History) -> Result:
    section = _OF_KIND[checker.kind]
    return _guarded(checker.guarantee, section, checker.promise, lambda: checker.check(history))


def _guarded(name: str, section: Section, promise: str, look: Callable[[], Judgement]) -> Result:
    error = None
    try:
        judgement = look()
    except Exception as failure:  # noqa: BLE001 - whatever a checker raises, the others must judge
        judgement = Judgement(guarantee=name, occasions=0)
        error = _told(failure)
    return Result(name=name, section=section, promise=promise, judgement=judgement, error=error)


def _told(failure: Exception) -> str:
    frame = traceback.extract_tb(failure.__traceback__)[-1]
    file = frame.filename.rsplit("/", 1)[-1]
    return f"its checker raised {type(failure).__name__}: {failure} ({file}:{frame.lineno})"


def _outcomes(history: History, expect: Expect) -> list[Result]:
    if not expect.outcomes:
        return []
    try:
        judgements = list(judge_outcomes(history, expect.outcomes))
    except Exception as failure:  # noqa: BLE001 - as above
        nothing = Judgement(guarantee="outcomes", occasions=0)
        return [_outcome("outcomes", "experiments end as expected", nothing, _told(failure))]
    return [
        _outcome(judgement.guarantee, f"{glob} is {expected} at the end.", judgement)
        for judgement, (glob, expected) in zip(judgements, expect.outcomes.items(), strict=True)
    ]


def _outcome(name: str, promise: str, judgement: Judgement, error: str | None = None) -> Result:
    return Result(
        name=name, section=Section.OUTCOME, promise=promise, judgement=judgement, error=error
    )


# ---------------------------------------------------------------- service levels


def _kept(history: History, slo: Slo) -> Result:
    measured: str | None = None

    def look() -> Judgement:
        nonlocal measured
        judgement, measured = judge_level(history, slo)
        return judgement

    result = _guarded(slo.text, Section.SLO, slo.text, look)
    return replace(result, measured=measured)


# ---------------------------------------------------------------- waivers and consequences


def _waived(result: Result, expect: Expect) -> Result:
    waiver = expect.waiver(result.name)
    return result if waiver is None else replace(result, waived=waiver.why)


def _explained(results: Sequence[Result]) -> tuple[Result, ...]:
    """Mark what is no more than a consequence of something at least as bad."""
    by_name = {result.name: result for result in results}

    def cause_of(result: Result) -> str | None:
        if result.validity is Validity.VALID or result.error:
            return None
        names = CAUSES.get(result.name, CAUSES.get(result.section, ()))
        causes = (by_name[name] for name in names if name in by_name)
        as_bad = {result.validity, Validity.INVALID}
        bad = (cause for cause in causes if cause.counts and cause.validity in as_bad)
        return next((cause.name for cause in bad), None)

    return tuple(replace(result, follows=cause_of(result)) for result in results)
