"""Quantities as people write them: `90s`, `15m`, `8 MiB`, `30%`, and spreads such as lognormal.

They are pydantic types: a scenario holds the text, the model holds seconds, bytes and shares.
"""

import math
import re
from random import Random
from statistics import NormalDist
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_BYTES = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_QUANTITY = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[A-Za-z%]*)")


def _scaled(value: object, units: dict[str, float] | dict[str, int], example: str) -> object:
    if not isinstance(value, str):
        return value
    match = _QUANTITY.fullmatch(value.strip())
    if match is None or match["unit"] not in units:
        known = ", ".join(units)
        raise ValueError(f"{value!r} is not a quantity such as {example!r} (units: {known})")
    return float(match["number"]) * units[match["unit"]]


def _seconds(value: object) -> object:
    if isinstance(value, int | float) and not isinstance(value, bool) and value != 0:
        raise ValueError(f"{value!r} has no unit: write {value}s, {value}m or {value}h")
    return _scaled(value, _SECONDS, "90s")


def _bytes(value: object) -> object:
    scaled = _scaled(value, _BYTES, "8 MiB")
    return int(scaled) if isinstance(scaled, float) else scaled


def _share(value: object) -> object:
    return _scaled(value, {"%": 0.01}, "30%")


Duration = Annotated[
    float,
    BeforeValidator(_seconds),
    Field(ge=0, allow_inf_nan=False),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?\s*(ms|s|m|h)$"}),
]
"""Seconds; written `250ms`, `90s`, `15m`, `1h`."""

Size = Annotated[
    int,
    BeforeValidator(_bytes),
    Field(ge=0),
    WithJsonSchema({"type": ["string", "integer"]}),
]
"""Bytes; written `512 KiB`, `8 MiB`, or a plain number."""

Share = Annotated[
    float,
    BeforeValidator(_share),
    Field(ge=0, le=1),
    WithJsonSchema({"type": ["string", "number"]}),
]
"""A part of the whole between 0 and 1; written `0.3` or `30%`."""


class _Spread(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Uniform(_Spread):
    """Anything between two durations, each as likely."""

    low: Duration
    high: Duration

    def draw(self, random: Random) -> float:
        """Return seconds."""
        return random.uniform(self.low, self.high)


class Normal(_Spread):
    """A bell around a mean, cut off at zero."""

    mean: Duration
    sd: Duration

    def draw(self, random: Random) -> float:
        """Return seconds."""
        return max(0.0, random.gauss(self.mean, self.sd))


class LogNormal(_Spread):
    """Mostly near the median, now and then far beyond; one draw in a hundred exceeds p99."""

    median: Duration
    p99: Duration

    def draw(self, random: Random) -> float:
        """Return seconds."""
        sigma = math.log(self.p99 / self.median) / NormalDist().inv_cdf(0.99)
        return self.median * math.exp(random.gauss(0, sigma))


class OfUniform(_Spread):
    """The key that tells a uniform spread."""

    uniform: Uniform


class OfNormal(_Spread):
    """The key that tells a normal spread."""

    normal: Normal


class OfLogNormal(_Spread):
    """The key that tells a log-normal spread."""

    lognormal: LogNormal


Spread = Duration | OfUniform | OfNormal | OfLogNormal
"""A duration, always the same or drawn: `20ms`, `{normal: {mean: 20ms, sd: 5ms}}`."""


def draw(spread: float | OfUniform | OfNormal | OfLogNormal, random: Random) -> float:
    """Return one duration in seconds; a constant draws nothing from chance."""
    match spread:
        case OfUniform():
            return spread.uniform.draw(random)
        case OfNormal():
            return spread.normal.draw(random)
        case OfLogNormal():
            return spread.lognormal.draw(random)
        case _:
            return spread
