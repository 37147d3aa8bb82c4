"""Service levels as people write them: `rpc.UpdateEnvoyStatus.latency.p99 < 250ms`.

This is the grammar, and what it can name; `measures` reads the numbers off a history.
"""

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import StrEnum

RPCS = (
    "UpdateShardInfo",
    "WaitExperiment",
    "GetExperimentData",
    "UpdateEnvoyStatus",
    "SetExperimentFailed",
    "SetNewExperiment",
    "GetExperimentStatus",
    "GetExperimentDescription",
    "GetExperimentsList",
    "GetDatasetInfo",
    "GetTrainedModel",
    "GetMetricStream",
    "RemoveExperimentData",
    "GetEnvoys",
    "GetTasks",
    "GetAggregatedTensor",
    "SendLocalTaskResults",
)
"""What an operation of a history may be called."""

ALL = "all"
"""In place of an RPC: every one but the long poll and the streams."""


class Dimension(StrEnum):
    """What kind of number a measure is; the value says how its bound is written."""

    TIME = "a duration, such as 250ms or 25s"
    SHARE = "a share, such as 1% or 0.01"
    RATE = "a rate, such as 200/s"
    COUNT = "a plain number"


class Family(StrEnum):
    """What can be measured, apart from whose and which statistic."""

    LATENCY = "rpc.*.latency"
    """From a call to its answer, of the calls that were answered."""
    ERRORS = "rpc.*.errors"
    """The part of the calls that was not answered OK."""
    RATE = "rpc.*.rate"
    """Calls answered OK in a second, from the first to the last."""
    COUNT = "rpc.*.count"
    """Calls answered OK."""
    OFFLINE_DETECTION = "envoy.offline_detection"
    """How long an envoy that fell silent was still listed as online."""
    COMEBACK = "envoy.comeback"
    """From a start of the Director, or of the recovery, to an envoy's first listing as online."""
    DELIVERY = "experiment.delivery"
    """From acceptance of an experiment to its reaching an envoy that was waiting for one."""
    DURATION = "experiment.duration"
    """From acceptance of an experiment to its owner's seeing it ended."""
    LAG = "harness.lag"
    """How late the simulator itself was."""


_DIMENSIONS = {
    Family.ERRORS: Dimension.SHARE,
    Family.RATE: Dimension.RATE,
    Family.COUNT: Dimension.COUNT,
}
_BY_HEARTBEATS = frozenset({Family.OFFLINE_DETECTION, Family.COMEBACK})
"""What takes as long as the heartbeats allow."""
_UNITS: Mapping[Dimension, Mapping[str, float]] = {
    Dimension.TIME: {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0},
    Dimension.SHARE: {"%": 0.01, "": 1.0},
    Dimension.RATE: {"/s": 1.0},
    Dimension.COUNT: {"": 1.0},
}
_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_QUANTILES: Mapping[str, float] = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}
STATISTICS = ("min", "mean", *_QUANTILES, "max")
_EXPRESSION = re.compile(
    r"\s*(?P<measure>[\w.*-]+)\s*(?P<operator><=|>=|<|>)\s*"
    r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>ms|s|m|h|%|/s|)\s*"
)


def statistic(name: str, samples: Iterable[float]) -> float:
    """Return one number for many; a quantile is the nearest sample at or above its rank."""
    ordered = sorted(samples)
    assert ordered
    if name == "mean":
        return sum(ordered) / len(ordered)
    if name == "min":
        return ordered[0]
    rank = len(ordered) * _QUANTILES.get(name, 1.0)
    return ordered[min(len(ordered) - 1, max(0, -int(-rank // 1) - 1))]


@dataclass(frozen=True, slots=True)
class Measure:
    """A number of a run, by name."""

    family: Family
    rpc: str = ""
    statistic: str = ""

    @property
    def dimension(self) -> Dimension:
        """What kind of number it is."""
        return _DIMENSIONS.get(self.family, Dimension.TIME)

    def __str__(self) -> str:
        name = self.family.value.replace("*", self.rpc)
        return f"{name}.{self.statistic}" if self.statistic else name


@dataclass(frozen=True, slots=True)
class Slo:
    """A measure, and the bound that it must keep."""

    measure: Measure
    operator: str
    bound: float
    text: str

    def holds(self, value: float) -> bool:
        """Whether the value keeps the bound."""
        return _OPERATORS[self.operator](value, self.bound)

    def paced(self, factor: float) -> "Slo":
        """Return what may be asked where heartbeats are so much slower than meant."""
        is_upper = self.operator in {"<", "<="}
        if factor <= 1 or not is_upper or self.measure.family not in _BY_HEARTBEATS:
            return self
        bound = self.bound * factor
        return replace(self, bound=bound, text=f"{self.measure} {self.operator} {bound:g}s")

    def __str__(self) -> str:
        return self.text


def parse_slo(text: object) -> Slo:
    """Decode `measure < bound`; what is already decoded passes.

    Raises:
        ValueError: it says nothing that can be measured; the message lists what can.
    """
    if isinstance(text, Slo):
        return text
    match = _EXPRESSION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(
            f"{text!r} is not a service level such as"
            " 'rpc.UpdateEnvoyStatus.latency.p99 < 250ms' (operators: < <= > >=)"
        )
    measure = _measure(match["measure"])
    units = _UNITS[measure.dimension]
    if match["unit"] not in units:
        raise ValueError(f"{measure} is {measure.dimension}; {match[0].strip()!r} does not say one")
    bound = float(match["number"]) * units[match["unit"]]
    return Slo(measure, match["operator"], bound, " ".join(match[0].split()))


def _measure(name: str) -> Measure:
    parts = name.split(".")
    rpc = ""
    if parts[0] == "rpc" and len(parts) > 1:
        rpc, parts[1] = parts[1], "*"
        _known("RPC", rpc, (ALL, *RPCS))
    family, rest = _family(name, parts)
    if _DIMENSIONS.get(family) is not None:
        if rest:
            raise ValueError(f"{family} is one number and takes no statistic: drop .{rest}")
        return Measure(family, rpc)
    if not rest:
        raise ValueError(f"{name} needs a statistic (known: {', '.join(STATISTICS)})")
    _known("statistic", rest, STATISTICS)
    return Measure(family, rpc, rest)


def _family(name: str, parts: list[str]) -> tuple[Family, str]:
    width = 3 if parts[0] == "rpc" else 2
    head, rest = ".".join(parts[:width]), ".".join(parts[width:])
    families = {family.value: family for family in Family}
    if head not in families:
        raise ValueError(_unknown("measure", name, head, families))
    return families[head], rest


def _known(what: str, name: str, known: Iterable[str]) -> None:
    names = tuple(known)
    if name not in names:
        raise ValueError(_unknown(what, name, name, names))


def _unknown(what: str, shown: str, name: str, known: Iterable[str]) -> str:
    names = tuple(known)
    close = get_close_matches(name, names, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"no {what} {shown!r} ({hint}known: {', '.join(names)})"
