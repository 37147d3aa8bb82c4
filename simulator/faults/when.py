"""When a fault happens: at a time, again and again, for a whole phase, or upon an event."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag

from simulator.history.entry import Json
from simulator.units import Duration

_Lasts = Annotated[
    Duration | None,
    Field(alias="for", description="how long it lasts; left out: until the recovery"),
]


class _When(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class At(_When):
    """Once, so long after the start of the run."""

    at: Duration
    lasts: _Lasts = None


class Every(_When):
    """Again and again: at the start of the phase (or of the run), and then at this interval."""

    every: Annotated[Duration, Field(gt=0)]
    jitter: Annotated[
        Duration, Field(description="each firing comes later by up to so much, left to chance")
    ] = 0.0
    phase: str | None = None
    lasts: _Lasts = None


class During(_When):
    """From the beginning of a phase to its end."""

    phase: str


class OnEvent(_When):
    """Upon a note of that topic whose value holds every further key that is given here.

    An event of somebody whom the fault may pick counts for that actor alone, and the fault opens
    for it alone; the first to come to `nth` are those who are picked.  Any other event counts for
    all, and those who are picked by chance are hit together.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    event: str
    nth: Annotated[int, Field(ge=1)] = 1
    phase: Annotated[str | None, Field(description="count only what happens in this phase")] = None
    lasts: _Lasts = None

    @property
    def match(self) -> Mapping[str, Json]:
        """What the event's value must hold."""
        return self.model_extra or {}


_LEADS = {"at": At, "every": Every, "event": OnEvent}
_EXAMPLES = "{at: 90s}, {every: 30s}, {phase: storm} or {event: download.chunk, nth: 2}"


def _with_one_lead(when: object) -> object:
    if isinstance(when, BaseModel):
        return when
    if not isinstance(when, dict):
        raise ValueError(f"a window is a mapping such as {_EXAMPLES}")  # noqa: TRY004 - for pydantic
    leads = [lead for lead in _LEADS if lead in when]
    if len(leads) > 1:
        raise ValueError(f"{leads[0]!r} and {leads[1]!r} contradict each other: keep one")
    if leads == ["at"] and "phase" in when:
        raise ValueError("'at' counts from the start of the run, so it takes no 'phase'")
    if not leads and "phase" not in when:
        raise ValueError(f"nothing says when: write {_EXAMPLES}")
    if not leads and "for" in when:
        raise ValueError("'for' contradicts 'phase' alone, which lasts as long as the phase")
    return when


def _shape(when: object) -> str:
    if isinstance(when, BaseModel):
        return type(when).__name__
    leads = [lead for lead in _LEADS if isinstance(when, dict) and lead in when]
    return _LEADS[leads[0]].__name__ if leads else During.__name__


When = Annotated[
    Annotated[At, Tag("At")]
    | Annotated[Every, Tag("Every")]
    | Annotated[During, Tag("During")]
    | Annotated[OnEvent, Tag("OnEvent")],
    Discriminator(_shape),
    BeforeValidator(_with_one_lead),
]
"""A fault's window; which of the four it is follows from its keys."""
