"""What was there before a run began: a Director that runs elsewhere serves others, too."""

from collections.abc import Iterator

from simulator.history.calls import Call
from simulator.history.entry import Kind
from simulator.history.fields import tables, text
from simulator.history.history import History

_TOPIC = "target"


def is_shared(history: History) -> bool:
    """Whether others than this run's actors may use the Director."""
    return bool(history.notes(_TOPIC))


def found(history: History) -> Iterator[tuple[str, Call]]:
    """Yield each envoy that was registered already, and what stands for its registration."""
    for note in history.notes(_TOPIC):
        for item in tables(note.value, "envoys"):
            name = text(item, "name")
            registration = Call(
                number=-1,
                actor=name,
                topic="UpdateShardInfo",
                request=item,
                invoked_at=note.time,
                completed_at=note.time,
                kind=Kind.OK,
                response={"accepted": True},
                invoke_index=note.index,
                complete_index=note.index,
                touches=(),
            )
            yield name, registration
