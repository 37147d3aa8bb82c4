"""Writing a history while a run goes on: stamps the time, numbers the calls, tells listeners."""

from collections.abc import Callable

from simulator.history.entry import Entry, Header, JsonObject, Kind
from simulator.history.history import History

Listener = Callable[[str, str, JsonObject], None]
"""Called with the actor, the topic and the value of each note, right after it was written."""

_Row = tuple[float, Kind, str, str, int, JsonObject]


class HistoryRecorder:
    """The world's `Recorder`, kept in memory; `now` returns seconds since the start of the run.

    A value is kept as it is given: whoever records it must not change it afterwards.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        # Plain rows, because this runs twice an operation: entries are made once, at the end.
        self._rows: list[_Row] = []
        self._open: dict[int, tuple[str, str]] = {}
        self._calls = 0
        self._listeners: dict[int, Listener] = {}
        self._tickets = 0

    def __repr__(self) -> str:
        return f"<HistoryRecorder: {len(self._rows)} entries, {len(self._open)} calls open>"

    @property
    def calls(self) -> int:
        """How many operations have begun."""
        return self._calls

    @property
    def open_calls(self) -> int:
        """How many operations have begun and not ended."""
        return len(self._open)

    def note(self, topic: str, value: JsonObject, *, actor: str = "", call: int = -1) -> None:
        """Record something that is not an operation."""
        self._rows.append((self._now(), Kind.NOTE, actor, topic, call, value))
        # A copy, because a listener may stop listening, or another one begin, meanwhile.
        for listener in tuple(self._listeners.values()):
            listener(actor, topic, value)

    def invoke(self, actor: str, topic: str, value: JsonObject) -> int:
        """Open an operation; return its call number."""
        call, self._calls = self._calls, self._calls + 1
        self._open[call] = (actor, topic)
        self._rows.append((self._now(), Kind.INVOKE, actor, topic, call, value))
        return call

    def complete(self, call: int, kind: str, value: JsonObject) -> None:
        """Close an operation as ok, fail or info.

        Raises:
            ValueError: it is not open, or that is no way to end.
        """
        ending = Kind(kind)
        if call not in self._open or ending in {Kind.INVOKE, Kind.NOTE}:
            raise ValueError(f"call {call} is not open, or cannot end as {kind!r}")
        actor, topic = self._open.pop(call)
        self._rows.append((self._now(), ending, actor, topic, call, value))

    def on_note(self, listener: Listener) -> Callable[[], None]:
        """Tell the listener of every note from now on; returns how to stop."""
        ticket, self._tickets = self._tickets, self._tickets + 1
        self._listeners[ticket] = listener

        def stop() -> None:
            self._listeners.pop(ticket, None)

        return stop

    def finish(self, header: Header) -> History:
        """Return what was recorded so far; operations that are open stay without completion."""
        return History(
            header,
            [
                Entry(
                    index=index,
                    time=time,
                    kind=kind,
                    actor=actor,
                    topic=topic,
                    call=call,
                    value=value,
                )
                for index, (time, kind, actor, topic, call, value) in enumerate(self._rows)
            ],
        )
