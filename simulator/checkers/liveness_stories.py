"""The story of each accepted experiment: who takes part, what its owner read, when it last moved.

Facts read off the record; no promise is judged here.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from simulator.history.calls import NEVER, Call
from simulator.history.entry import JsonObject
from simulator.history.fields import flag, tables, text, texts
from simulator.history.history import History

TERMINAL = frozenset({"finished", "failed", "rejected"})
"""The statuses that nothing can follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A status of an experiment, as its owner read it."""

    time: float
    index: int
    status: str


@dataclass(slots=True, kw_only=True)
class Story:
    """One accepted experiment; a name that was freed and taken again has several."""

    name: str
    owner: str
    """The actor that uploaded it."""
    accepted: Call = field(repr=False)
    accepted_at: float
    collaborators: tuple[str, ...]
    removed: Call | None = None
    readings: list[Reading] = field(default_factory=list, repr=False)
    moves: list[float] = field(default_factory=list, repr=False)
    """When anything got further: a delivery, a download, a training, a result; in no order."""
    results: dict[str, int] = field(default_factory=dict, repr=False)
    """How many different results each collaborator has sent."""
    is_training: bool = False
    """Whether somebody began a training and has not finished it."""
    stream_ended: Call | None = field(default=None, repr=False)
    quits: list[Call] = field(default_factory=list, repr=False)
    """GetTasks that told a collaborator to stop, the first of each."""
    _members: frozenset[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._members = frozenset(self.collaborators)

    def has(self, envoy: str) -> bool:
        """Whether an envoy is one of the collaborators, be they thousands."""
        return envoy in self._members

    @property
    def moved_at(self) -> float:
        """When anything last got further, be it its acceptance."""
        return max(self.moves, default=self.accepted_at)

    @property
    def ended(self) -> tuple[float, int] | None:
        """When and where the record first shows it ended, and nothing afterwards denies it."""
        for reading in self.readings:
            if reading.status in TERMINAL:
                return reading.time, reading.index
        signs = [] if self.stream_ended is None else [self.stream_ended]
        if len(self.quits) == len(self.collaborators):
            signs.extend(self.quits[-1:])
        for sign in signs:
            denied = any(reading.index > sign.ended_index for reading in self.readings)
            if not denied and sign.completed_at is not None:
                return sign.completed_at, sign.ended_index
        return None

    @property
    def is_gone(self) -> bool:
        """Whether its owner removed it, or was told that it is not there any more."""
        return self.removed is not None or any(read.status == "removed" for read in self.readings)

    @property
    def last_reading(self) -> Reading | None:
        """The last status that its owner read."""
        return self.readings[-1] if self.readings else None

    def is_pending_after(self, moment: float) -> bool:
        """Whether its owner was told, later than a moment, that it had not begun yet."""
        return any(
            reading.status == "pending" and reading.time >= moment for reading in self.readings
        )


def stories(history: History) -> Sequence[Story]:
    """Return every accepted experiment, in the order of acceptance."""
    uploads = [story for call in history.calls("SetNewExperiment") if (story := _begun(call))]
    by_name = _by_name(uploads)
    _read_removals(history, by_name)
    _read_statuses(history, by_name)
    # An upload whose answer was lost is an experiment exactly if its owner later read of it.
    found = [story for story in uploads if story.accepted.is_ok or story.readings]
    for story in found:
        if not story.accepted.is_ok:
            story.accepted_at = story.readings[0].time
    _read_movement(history, _by_name(found))
    return found


# ---------------------------------------------------------------- reading


def _begun(call: Call) -> Story | None:
    accepted = call.is_ok and flag(call.response, "accepted")
    unknown = not call.is_ok and call.may_have_happened
    if not accepted and not unknown:
        return None
    return Story(
        name=text(call.request, "experiment"),
        owner=call.actor,
        accepted=call,
        accepted_at=call.invoked_at if call.completed_at is None else call.completed_at,
        collaborators=texts(call.request, "collaborators"),
    )


def _by_name(found: Sequence[Story]) -> Mapping[str, Sequence[Story]]:
    by_name: dict[str, list[Story]] = {}
    for story in found:
        by_name.setdefault(story.name, []).append(story)
    return by_name


def _read_removals(history: History, by_name: Mapping[str, Sequence[Story]]) -> None:
    for call in history.calls("RemoveExperimentData"):
        if not (call.is_ok and flag(call.response, "acknowledged")):
            continue
        story = _told(by_name, call, text(call.request, "experiment"))
        if story is not None and story.removed is None:
            story.removed = call


def _read_statuses(history: History, by_name: Mapping[str, Sequence[Story]]) -> None:
    for time, index, call_or_actor, name, status in sorted(
        _statuses(history), key=lambda read: read[1]
    ):
        story = _told(by_name, call_or_actor, name, index)
        if story is not None:
            story.readings.append(Reading(time=time, index=index, status=status))


def _statuses(history: History) -> Iterator[tuple[float, int, Call | str, str, str]]:
    for call in history.calls("GetExperimentStatus"):
        if call.is_ok and call.completed_at is not None and text(call.response, "status"):
            name = text(call.request, "experiment")
            yield call.completed_at, call.ended_index, call, name, text(call.response, "status")
    for topic in ("GetExperimentsList", "GetExperimentDescription"):
        for call in history.calls(topic):
            if not call.is_ok or call.completed_at is None:
                continue
            for row in _rows(call.response):
                name, status = text(row, "name"), text(row, "status")
                yield call.completed_at, call.ended_index, call, name, status
    for note in history.notes("experiment.ended"):
        name, status = text(note.value, "experiment"), text(note.value, "status")
        yield note.time, note.index, note.actor, name, status


def _rows(response: JsonObject) -> Sequence[JsonObject]:
    return tables(response, "experiments") if "experiments" in response else (response,)


def _told(
    by_name: Mapping[str, Sequence[Story]], who: Call | str, name: str, index: int = NEVER
) -> Story | None:
    """Return the experiment that somebody speaks of: its own, and the latest before the call."""
    begin = who.invoke_index if isinstance(who, Call) else index
    # An upload that may have happened is believed only where none that did explains the name.
    surest_last = sorted(by_name.get(name, ()), key=lambda told: told.accepted.is_ok)
    for story in reversed(surest_last):
        if isinstance(who, Call):
            is_owner = who.actor == story.owner or who.identity == story.accepted.identity != ""
        else:
            is_owner = who == story.owner
        is_gone = story.removed is not None and story.removed.invoke_index < begin
        if is_owner and story.accepted.invoke_index < begin and not is_gone:
            return story
    return None


# ---------------------------------------------------------------- movement


def _read_movement(history: History, by_name: Mapping[str, Sequence[Story]]) -> None:
    training: dict[tuple[str, str], int] = {}
    for topic in ("experiment.distributed", "download.done", "training.started", "training.done"):
        seen: set[tuple[str, str, str]] = set()
        for note in history.notes(topic):
            name = text(note.value, "experiment")
            key = (note.actor, name, f"{note.value.get('round')} {note.value.get('task')}")
            # The same delivery or download over and over gets nobody further.
            if key not in seen:
                seen.add(key)
                _moved(by_name, name, note.time, note.index)
            if topic == "training.started":
                training[note.actor, name] = note.index
            elif topic == "training.done":
                training.pop((note.actor, name), None)
    for (actor, name), index in training.items():
        _mark_training(history, by_name, actor, name, index)
    _read_results(history, by_name)
    _read_quits(history, by_name)
    for call in history.calls("GetMetricStream"):
        story = _told(by_name, call, text(call.request, "experiment"))
        if story is not None and call.is_ok:
            story.stream_ended = story.stream_ended or call


def _read_results(history: History, by_name: Mapping[str, Sequence[Story]]) -> None:
    seen: set[tuple[str, str, str]] = set()
    for call in history.calls("SendLocalTaskResults"):
        name = text(call.request, "experiment")
        key = (call.actor, name, f"{call.request.get('round')} {text(call.request, 'task')}")
        if call.is_ok and call.completed_at is not None and key not in seen:
            seen.add(key)
            story = _moved(by_name, name, call.completed_at, call.ended_index)
            if story is not None:
                story.results[call.actor] = story.results.get(call.actor, 0) + 1


def _read_quits(history: History, by_name: Mapping[str, Sequence[Story]]) -> None:
    seen: set[tuple[str, int]] = set()
    for call in history.calls("GetTasks"):
        if not (call.is_ok and flag(call.response, "quit")):
            continue
        story = _at(by_name, text(call.request, "experiment"), call.invoke_index)
        if story is not None and (call.actor, story.accepted.number) not in seen:
            seen.add((call.actor, story.accepted.number))
            if story.has(call.actor):
                story.quits.append(call)


def _mark_training(
    history: History,
    by_name: Mapping[str, Sequence[Story]],
    actor: str,
    name: str,
    index: int,
) -> None:
    stopped = any(
        note.index > index
        for topic in ("actor.kill", "actor.stop", "envoy.dead")
        for note in history.notes(topic, actor)
    )
    story = _at(by_name, name, index)
    if story is not None and not stopped:
        story.is_training = True


def _moved(
    by_name: Mapping[str, Sequence[Story]], name: str, time: float, index: int
) -> Story | None:
    story = _at(by_name, name, index)
    if story is not None:
        story.moves.append(time)
    return story


def _at(by_name: Mapping[str, Sequence[Story]], name: str, index: int) -> Story | None:
    """Return the experiment that had the name at a place in the record."""
    held = by_name.get(name, ())
    before = bisect_left([story.accepted.invoke_index for story in held], index)
    return held[before - 1] if before else None
