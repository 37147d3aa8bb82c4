"""The record of a run, read-only, with the indexes that judges need.

Built once, in one pass; nothing here judges.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence

from simulator.history.calls import (
    NEVER,
    Call,
    Epoch,
    FaultWindow,
    Participant,
    Phase,
    Touch,
)
from simulator.history.entry import Entry, Header, Kind
from simulator.history.fields import RecordError, flag, text, texts, whole

_ENDS = ("director.stop", "director.kill")


class History:
    """Everything that happened in a run, in order.

    Raises:
        RecordError: entries contradict each other: a completion without an invocation, indexes
            that do not count from 0, or time that runs backwards.
    """

    def __init__(self, header: Header, entries: Sequence[Entry]) -> None:
        self.header = header
        self.entries = tuple(entries)
        self._calls: list[Call] = []
        self._position: dict[int, int] = {}
        self._calls_by: dict[tuple[str, str | None], list[Call]] = {}
        self._notes_by: dict[tuple[str, str | None], list[Entry]] = {}
        self._index()
        self.actors: Mapping[str, Participant] = self._participants()
        self.phases: Sequence[Phase] = self._phases()
        self.fault_windows: Sequence[FaultWindow] = self._windows()
        self._lives = self._turns()
        self._registrations: dict[str, list[int]] = {}

    def __repr__(self) -> str:
        return f"<History of {self.header.scenario}: {len(self.entries)} entries>"

    # ------------------------------------------------------------ reading

    @property
    def ended_at(self) -> float:
        """The time of the last entry; 0 where there is none."""
        return self.entries[-1].time if self.entries else 0.0

    @property
    def all_calls(self) -> Sequence[Call]:
        """Every operation, in the order of invocation."""
        return self._calls

    def calls(self, topic: str, actor: str | None = None) -> Sequence[Call]:
        """Operations of one RPC, of everybody or of one actor, in the order of invocation."""
        return self._calls_by.get((topic, actor), ())

    def call(self, number: int) -> Call:
        """Return an operation by its number.

        Raises:
            KeyError: there is none.
        """
        return self._calls[self._position[number]]

    def notes(self, topic: str, actor: str | None = None) -> Sequence[Entry]:
        """Notes on one topic, of everybody or of one actor, in order."""
        return self._notes_by.get((topic, actor), ())

    @property
    def life_indexes(self) -> Sequence[int]:
        """Where the Director went down, and came up again, in order."""
        return self._lives

    def life(self, index: int) -> int:
        """How many times the Director had gone down, or come up again, before an entry."""
        return bisect_right(self._lives, index)

    def spans_a_restart(self, first: int, last: int) -> bool:
        """Whether the Director went down, or came up again, between two entries."""
        return self.life(first) != self.life(min(last, len(self.entries)))

    def epoch(self, call: Call) -> Epoch:
        """Return which of its envoy's connections and registrations an operation belongs to.

        A registration counts from its answer on; a refused or unanswered one does not.
        """
        if not self._registrations:
            self._registrations = self._accepted_registrations()
        registered = self._registrations.get(call.actor, [])
        return Epoch(
            connection=whole(call.request, "connection", 0),
            registration=bisect_right(registered, call.invoke_index),
            life=self.life(call.invoke_index),
        )

    # ------------------------------------------------------------ the one pass

    def _index(self) -> None:
        completions: dict[int, Entry] = {}
        touches: dict[int, list[Touch]] = {}
        invocations: dict[int, Entry] = {}
        before = 0.0
        for index, entry in enumerate(self.entries):
            if entry.index != index or entry.time < before:
                raise RecordError(f"entry {entry.index} is out of order: it is number {index}")
            before = entry.time
            if entry.kind is Kind.INVOKE:
                if entry.call in invocations:
                    raise RecordError(f"entry {index}: call {entry.call} begins a second time")
                invocations[entry.call] = entry
            elif entry.kind is Kind.NOTE:
                self._notes_by.setdefault((entry.topic, None), []).append(entry)
                self._notes_by.setdefault((entry.topic, entry.actor), []).append(entry)
                if entry.topic == "fault.touch":
                    touches.setdefault(entry.call, []).append(_touch(entry))
            elif entry.call not in invocations or entry.call in completions:
                raise RecordError(f"entry {index} completes call {entry.call}, which is not open")
            else:
                completions[entry.call] = entry
        for entry in invocations.values():
            self._add(_call(entry, completions.get(entry.call), tuple(touches.get(entry.call, ()))))

    def _add(self, call: Call) -> None:
        self._position[call.number] = len(self._calls)
        self._calls.append(call)
        self._calls_by.setdefault((call.topic, None), []).append(call)
        self._calls_by.setdefault((call.topic, call.actor), []).append(call)

    # ------------------------------------------------------------ what notes tell

    def _participants(self) -> dict[str, Participant]:
        found: dict[str, Participant] = {}
        for note in self.notes("actor.start"):
            if note.actor not in found:
                found[note.actor] = Participant(
                    name=note.actor,
                    kind=text(note.value, "kind"),
                    identity=text(note.value, "identity"),
                    group=text(note.value, "group", ""),
                    started_at=note.time,
                    start_index=note.index,
                    about=note.value,
                )
        return found

    def _phases(self) -> list[Phase]:
        ends = {
            text(note.value, "name"): note
            for note in self.notes("phase")
            if text(note.value, "state") == "end"
        }
        found = []
        for note in self.notes("phase"):
            if text(note.value, "state") != "begin":
                continue
            end = ends.get(text(note.value, "name"))
            found.append(
                Phase(
                    name=text(note.value, "name"),
                    began_at=note.time,
                    ended_at=None if end is None else end.time,
                    begin_index=note.index,
                    end_index=NEVER if end is None else end.index,
                )
            )
        return found

    def _windows(self) -> list[FaultWindow]:
        closings: dict[str, list[Entry]] = {}
        for note in reversed(self.notes("fault.close")):
            closings.setdefault(text(note.value, "fault"), []).append(note)
        found = []
        for note in self.notes("fault.open"):
            waiting = closings.get(text(note.value, "fault"), [])
            close = waiting.pop() if waiting else None
            found.append(
                FaultWindow(
                    fault=text(note.value, "fault"),
                    type=text(note.value, "type"),
                    targets=texts(note.value, "targets"),
                    opened_at=note.time,
                    closed_at=None if close is None else close.time,
                    open_index=note.index,
                    close_index=NEVER if close is None else close.index,
                )
            )
        return found

    def _turns(self) -> list[int]:
        ends = sorted(note.index for topic in _ENDS for note in self.notes(topic))
        # Nothing was there before the first start that could be lost.
        starts = [note.index for note in self.notes("director.start") if ends[:1] < [note.index]]
        return sorted([*ends, *starts]) if ends else []

    def _accepted_registrations(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for call in self.calls("UpdateShardInfo"):
            if call.is_ok and flag(call.response, "accepted"):
                found.setdefault(call.actor, []).append(call.ended_index)
        for indexes in found.values():
            indexes.sort()
        return found


def _touch(note: Entry) -> Touch:
    return Touch(
        index=note.index,
        time=note.time,
        call=note.call,
        fault=text(note.value, "fault"),
        type=text(note.value, "type"),
        method=text(note.value, "method", ""),
        direction=text(note.value, "direction", ""),
        mode=text(note.value, "mode", ""),
    )


def _call(invoke: Entry, complete: Entry | None, touches: tuple[Touch, ...]) -> Call:
    return Call(
        invoke.call,
        invoke.actor,
        invoke.topic,
        invoke.value,
        invoke.time,
        None if complete is None else complete.time,
        Kind.INFO if complete is None else complete.kind,
        {} if complete is None else complete.value,
        invoke.index,
        None if complete is None else complete.index,
        touches,
    )
