"""Who is said to be online, held against the signs of life that the record knows of.

Between what must be and what cannot be lies a band: messages take time, and what was not answered
may have arrived.  Inside the band either answer is right.
"""

from bisect import bisect_left
from dataclasses import dataclass, field

from simulator.checkers.answers import COLLABORATOR, ENVOY, FAILURE, is_impostor
from simulator.checkers.base import Checker, Docket, at, when
from simulator.checkers.found import found
from simulator.checkers.liveness_facts import Peace
from simulator.history.calls import NEVER, Call
from simulator.history.entry import JsonObject
from simulator.history.fields import flag, number, tables, text
from simulator.history.history import History

_EVER = float("inf")
_STREAM = "SendLocalTaskResults"
"""What is heard of over a while: its request has several messages."""


@dataclass(slots=True)
class _Peaks:
    """Running maxima of values that become known in the order of indexes."""

    _indexes: list[int] = field(default_factory=list)
    _peaks: list[float] = field(default_factory=list)
    _calls: list[Call] = field(default_factory=list)

    def add(self, index: int, value: float, call: Call) -> None:
        self._indexes.append(index)
        if self._peaks and self._peaks[-1] >= value:
            value, call = self._peaks[-1], self._calls[-1]
        self._peaks.append(value)
        self._calls.append(call)

    def before(self, index: int) -> tuple[float, Call] | None:
        """Return the greatest value of those known before an entry, and whose it is."""
        position = bisect_left(self._indexes, index) - 1
        return None if position < 0 else (self._peaks[position], self._calls[position])


@dataclass(slots=True)
class _Signs:
    """Signs of life of one envoy."""

    sure: _Peaks = field(default_factory=_Peaks)
    """The earliest time of accepted registrations and heartbeats, known from their answers on."""
    possible: _Peaks = field(default_factory=_Peaks)
    """The latest time of anything it may have been heard by, known from the calls on."""


class OnlineMeansAlive(Checker):
    """The listing says online exactly of those who were heard of lately."""

    guarantee = "presence"
    promise = (
        "`is_online` holds exactly while a registration or heartbeat lies within `valid_duration`"
        " (twice the heartbeat period), allowing for transit time."
    )

    def examine(self, history: History, docket: Docket) -> None:
        signs = _signs(history)
        for listing in history.calls("GetEnvoys"):
            if not listing.is_ok:
                continue
            for item in tables(listing.response, "envoys"):
                docket.occasion()
                known = signs.get(text(item, "name"))
                _judge_validity(history, docket, listing, item)
                if known is not None:  # Who was never heard of is the registry's to judge.
                    _judge_presence(history, docket, listing, item, known)


def _judge_validity(history: History, docket: Docket, listing: Call, item: JsonObject) -> None:
    valid_s, expected_s = number(item, "valid_s"), 2 * history.header.heartbeat_period_s
    if abs(valid_s - expected_s) > 1e-3:  # noqa: PLR2004  # a millisecond: rounding on the wire
        docket.broken(
            f"{text(item, 'name')} is listed {when(listing)} as valid for {valid_s:g} s; twice the"
            f" heartbeat period is {expected_s:g} s",
            listing,
        )


def _judge_presence(
    history: History, docket: Docket, listing: Call, item: JsonObject, known: _Signs
) -> None:
    assert listing.completed_at is not None
    name, valid_s = text(item, "name"), number(item, "valid_s")
    transit_s = history.header.transit_s
    sure = known.sure.before(listing.invoke_index)
    possible = known.possible.before(listing.ended_index)
    if flag(item, "online"):
        if possible is None or possible[0] + valid_s + transit_s < listing.invoked_at:
            last = () if possible is None else (possible[1],)
            seen = "" if possible is None else f" {at(possible[0])}"
            docket.broken(
                f"{name} is listed as online {when(listing)}, though its last possible sign of"
                f" life was{seen} and is valid for {valid_s:g} s",
                *last,
                listing,
            )
    elif (
        sure is not None
        and listing.completed_at < sure[0] + valid_s - transit_s
        and not history.spans_a_restart(sure[1].invoke_index, listing.ended_index)
    ):
        docket.broken(
            f"{name} is listed as offline {when(listing)}, though it was heard {at(sure[0])}"
            f" and that is valid for {valid_s:g} s",
            sure[1],
            listing,
        )


# ---------------------------------------------------------------- signs of life


def _signs(history: History) -> dict[str, _Signs]:
    signs: dict[str, _Signs] = {}
    sure: list[Call] = []
    peace = Peace.of(history)
    journey_s = _longest_journey_s(history)
    calls = _heard(history)
    names = frozenset(text(call.request, "name") for call in calls)
    for name, before in found(history):
        if name in names:
            # It may have been heard of until the very moment at which it was found.
            of = signs.setdefault(name, _Signs())
            of.possible.add(before.invoke_index, before.invoked_at, before)
    for call in calls:
        of = signs.setdefault(text(call.request, "name"), _Signs())
        of.possible.add(call.invoke_index, _latest(peace, call, journey_s), call)
        if call.is_ok and _counts(call):
            sure.append(call)
    for call in sorted(sure, key=lambda call: call.ended_index):
        signs[text(call.request, "name")].sure.add(call.ended_index, call.invoked_at, call)
    return signs


def _heard(history: History) -> list[Call]:
    return sorted(
        (
            call
            for topic in (*ENVOY, *COLLABORATOR, FAILURE)
            for call in history.calls(topic)
            # A certificate that names another is no sign of life of whom it speaks for.
            if not is_impostor(history, call)
        ),
        key=lambda call: call.invoke_index,
    )


def _counts(call: Call) -> bool:
    if call.topic == "UpdateShardInfo":
        return flag(call.response, "accepted")
    return call.topic == "UpdateEnvoyStatus"


def _longest_journey_s(history: History) -> float:
    """Return what a message takes at most where nothing but a busy harness holds it up."""
    lags = (number(note.value, "max_s") for note in history.notes("harness.lag"))
    return history.header.transit_s + max(lags, default=0.0)


def _latest(peace: Peace, call: Call, journey_s: float) -> float:
    """Return the latest time at which the Director may have heard of the call."""
    if call.completed_at is None or call.is_doubled:
        return _EVER
    if call.is_swallowed:
        return -_EVER
    is_settled = call.settled_index < NEVER
    arrived_at = call.invoked_at + journey_s
    if call.topic != _STREAM and peace.left_alone(call, arrived_at):
        # However long a long poll stays open, and whatever befalls its client: it has arrived.
        return min(arrived_at, call.completed_at) if is_settled else arrived_at
    if is_settled:
        return call.completed_at
    # A message that a fault holds up may arrive when the fault heals.
    healed_at = peace.disturbed_until(call.actor, call.invoked_at, call.completed_at)
    return max(call.completed_at, healed_at or 0.0) + journey_s
