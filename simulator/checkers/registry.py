"""Who is registered, and what the listing of envoys says of them.

Each envoy's registration is a register: writes are accepted registrations, reads are listings,
and a read must have a write that explains it.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from simulator.checkers.answers import is_answered, is_impostor
from simulator.checkers.base import Checker, Docket, when
from simulator.checkers.found import found, is_shared
from simulator.checkers.names import why_unusable
from simulator.history.calls import NEVER, Call
from simulator.history.entry import Header, JsonObject
from simulator.history.fields import flag, tables, text, texts, whole
from simulator.history.history import History

_Shard = tuple[str, int, tuple[str, ...], tuple[str, ...]]
"""Description, samples, and the two shapes."""


@dataclass(slots=True)
class Registrations:
    """Registrations of one envoy that were accepted, or may have been, in order of invocation."""

    calls: list[Call] = field(default_factory=list)
    has_unsettled: bool = False
    """Whether one may still take effect long after it was made."""
    _starts: list[int] = field(default_factory=list)

    def add(self, call: Call) -> None:
        """Take in the next; they come in order of invocation."""
        self.calls.append(call)
        self._starts.append(call.invoke_index)
        self.has_unsettled = self.has_unsettled or call.settled_index == NEVER

    def newest_first(self, index: int) -> Iterator[Call]:
        """Yield those that may have taken effect before an entry, the latest first."""
        for position in range(bisect_left(self._starts, index) - 1, -1, -1):
            yield self.calls[position]

    def may_precede(self, call: Call) -> bool:
        """Whether one may have taken effect before the call was answered."""
        return bool(self._starts) and self._starts[0] < call.ended_index

    def surely_before(self, call: Call, history: History) -> Call | None:
        """Return one that took effect before the call, and that no restart can have undone."""
        life = history.life(call.invoke_index)
        if history.spans_a_restart(call.invoke_index, call.ended_index):
            return None
        for registration in self.newest_first(call.invoke_index):
            if history.life(registration.invoke_index) != life:
                return None
            if registration.is_ok and registration.ended_index < call.invoke_index:
                return registration
        return None


def registrations(history: History) -> dict[str, Registrations]:
    """By envoy, those before the run first; certainly refused ones are left out."""
    known: dict[str, Registrations] = {}
    for name, before in found(history):
        known.setdefault(name, Registrations()).add(before)
    for call in history.calls("UpdateShardInfo"):
        refused = call.is_ok and not flag(call.response, "accepted")
        if call.may_have_happened and not refused:
            known.setdefault(text(call.request, "name"), Registrations()).add(call)
    return known


class ListingIsExact(Checker):
    """GetEnvoys lists who is registered, as last registered, and nobody else."""

    guarantee = "registry"
    promise = (
        "Shards are accepted exactly if their shapes are the federation's; GetEnvoys lists exactly"
        " those, as last registered, and never fails for one envoy's sake."
    )

    def examine(self, history: History, docket: Docket) -> None:
        known, ours = registrations(history), _ours(history)
        _judge_acceptance(history, docket)
        firsts = sorted(
            (next((c.ended_index for c in of.calls if c.is_ok), NEVER), name)
            for name, of in known.items()
            if ours is None or name in ours
        )
        for listing in history.calls("GetEnvoys"):
            if listing.is_ok:
                docket.occasion()
                shown = [row for row in tables(listing.response, "envoys") if _is_ours(row, ours)]
                _judge_listing(history, docket, (listing, shown), known, firsts)
            elif is_answered(listing) and listing.code in {"UNKNOWN", "INTERNAL"}:
                docket.broken(
                    f"GetEnvoys of {listing.actor} failed {when(listing)} with {listing.code}:"
                    f" {listing.details!r}; one envoy's state must not spoil the listing",
                    listing,
                )


def _ours(history: History) -> frozenset[str] | None:
    """Return the envoys that a shared Director knows from this run; None: all there are.

    Of others nobody knows when they register, and as what.
    """
    if not is_shared(history):
        return None
    named = (text(call.request, "name") for call in history.calls("UpdateShardInfo"))
    return frozenset([*history.actors, *named])


def _is_ours(row: JsonObject, ours: frozenset[str] | None) -> bool:
    return ours is None or text(row, "name") in ours


def _judge_acceptance(history: History, docket: Docket) -> None:
    for call in history.calls("UpdateShardInfo"):
        if not call.is_ok:
            continue
        docket.occasion()
        name, is_accepted = text(call.request, "name"), flag(call.response, "accepted")
        is_welcome = _fits(call.request, history.header)
        if is_accepted and not is_welcome:
            docket.broken(
                f"{name} was registered {when(call)} with shapes that are not the federation's",
                call,
            )
        elif is_welcome and not is_accepted:
            docket.broken(
                f"{name} was turned away {when(call)}, though its shapes are the federation's", call
            )


def _judge_listing(
    history: History,
    docket: Docket,
    look: tuple[Call, Sequence[JsonObject]],
    known: dict[str, Registrations],
    firsts: list[tuple[int, str]],
) -> None:
    listing, rows = look
    listed: set[str] = set()
    for item in rows:
        name = text(item, "name")
        if name in listed:
            docket.broken(f"{name} is listed twice {when(listing)}", listing)
        listed.add(name)
        _judge_item(docket, listing, item, known.get(name))
    for registered, name in firsts:
        if registered > listing.invoke_index:
            break
        if name in listed:
            continue
        missed = known[name].surely_before(listing, history)
        if missed is not None:
            docket.broken(
                f"{name}, registered {when(missed)}, is missing from the listing {when(listing)}",
                missed,
                listing,
            )


def _judge_item(
    docket: Docket, listing: Call, item: JsonObject, known: Registrations | None
) -> None:
    name, shown = text(item, "name"), _shard(item)
    if known is None or not known.may_precede(listing):
        docket.broken(
            f"{name} is listed {when(listing)}, though no registration of it was accepted", listing
        )
        return
    last: Call | None = None
    for registration in known.newest_first(listing.ended_index):
        is_overwritten = last is not None and registration.settled_index < last.invoke_index
        if not is_overwritten and _shard(registration.request) == shown:
            return
        if last is None and registration.ended_index < listing.invoke_index and registration.is_ok:
            last = registration
        if is_overwritten and not known.has_unsettled:
            break
    docket.broken(
        f"{name} is listed {when(listing)} with a shard that is not the one last registered:"
        f" {shown!r}",
        *([] if last is None else [last]),
        listing,
    )


def _fits(shard: JsonObject, header: Header) -> bool:
    return (
        texts(shard, "sample_shape") == header.sample_shape
        and texts(shard, "target_shape") == header.target_shape
    )


def _shard(value: JsonObject) -> _Shard:
    return (
        text(value, "description"),
        whole(value, "n_samples"),
        texts(value, "sample_shape"),
        texts(value, "target_shape"),
    )


class StrangersRegisterAgain(Checker):
    """A heartbeat tells an envoy whether it is known."""

    guarantee = "unknown-heartbeat"
    promise = (
        "A heartbeat from an unregistered envoy gets NOT_FOUND, so that it registers again;"
        " a known one gets a period above zero."
    )

    def examine(self, history: History, docket: Docket) -> None:
        known = registrations(history)
        nobody = Registrations()
        for beat in history.calls("UpdateEnvoyStatus"):
            if not is_answered(beat):
                continue
            docket.occasion()
            of = known.get(text(beat.request, "name"), nobody)
            if beat.is_ok:
                _judge_pulse(docket, beat, of)
            else:
                _judge_refusal(history, docket, beat, of)


def _judge_pulse(docket: Docket, beat: Call, known: Registrations) -> None:
    name = text(beat.request, "name")
    if not known.may_precede(beat):
        docket.broken(
            f"the heartbeat of {name} was accepted {when(beat)}, though it never registered", beat
        )
    period_s = beat.response.get("period_s")
    if not isinstance(period_s, int | float) or period_s <= 0:
        docket.broken(f"{name} was told a heartbeat period of {period_s} s {when(beat)}", beat)


def _judge_refusal(history: History, docket: Docket, beat: Call, known: Registrations) -> None:
    name = text(beat.request, "name")
    if is_impostor(history, beat):
        return  # Whose certificate names another is refused, whoever is registered.
    registered = known.surely_before(beat, history)
    if registered is not None and beat.code != "RESOURCE_EXHAUSTED":
        docket.broken(
            f"the heartbeat of {name}, registered {when(registered)}, was answered {beat.code}"
            f" {when(beat)}: {beat.details!r}",
            registered,
            beat,
        )
    elif not known.may_precede(beat) and not _is_called_unknown(beat):
        docket.broken(
            f"the heartbeat of {name}, which never registered, was answered {beat.code}"
            f" {when(beat)} instead of NOT_FOUND: {beat.details!r}",
            beat,
        )


def _is_called_unknown(beat: Call) -> bool:
    if beat.code == "INVALID_ARGUMENT":
        return why_unusable(text(beat.request, "name")) is not None
    return beat.code in {"NOT_FOUND", "RESOURCE_EXHAUSTED"}
