"""What a frontend sends to submit an experiment, and what the history says of it."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from protos import base_pb2, director_pb2 as pb
from simulator.actors.archives import inspected
from simulator.actors.tensors import shown_all
from simulator.actors.workspace import TOLD_TASKS
from simulator.history.entry import JsonObject
from simulator.network.api import Gate


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What is to be uploaded."""

    experiment: str
    collaborators: tuple[str, ...]
    content: bytes
    model: base_pb2.ModelProto
    rounds: int
    chunk_bytes: int

    def messages(self) -> list[pb.ExperimentInfo]:
        """Return the upload as OpenFL's frontends send it: all but the chunk in every message."""
        return [
            pb.ExperimentInfo(
                name=self.experiment,
                collaborator_names=self.collaborators,
                experiment_data=pb.ExperimentData(size=len(chunk), npbytes=chunk),
                model_proto=self.model,
            )
            for chunk in cut(self.content, self.chunk_bytes)
        ]

    def told(self, intent: str, chunks: int) -> JsonObject:
        """Tell it in the history."""
        found = inspected(self.content)
        return {
            "experiment": self.experiment,
            "collaborators": list(self.collaborators),
            "chunks": chunks,
            "size": len(self.content),
            "sha256": found.sha256,
            "members": found.members,
            "plan_rest": found.plan.rest if found.plan else None,
            "rounds": self.rounds,
            "tasks": list(TOLD_TASKS),
            "model": shown_all(self.model.tensors),
            "intent": intent,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One upload on its way, whole or wrong in one way."""

    experiment: str
    told: JsonObject
    """Its value in the history."""
    messages: tuple[pb.ExperimentInfo, ...]
    silent_after: int | None = None
    """After so many messages the client says nothing more."""
    hangs_up: bool = False
    """Whether it cancels the call then."""
    deadline_s: float | None = None
    """Left out: as the profile says."""


def whole(draft: Draft) -> Upload:
    """Return the upload with nothing wrong."""
    messages = tuple(draft.messages())
    return Upload(
        experiment=draft.experiment, told=draft.told("whole", len(messages)), messages=messages
    )


class Parts:
    """The messages of an upload, one by one.

    Not an async generator: those are finalised whenever the garbage collector comes by.
    """

    def __init__(self, upload: Upload, gate: Gate) -> None:
        self._messages = deque(upload.messages)
        self._gate = gate
        self._until_silent = upload.silent_after
        self._silence: asyncio.Future[None] | None = None
        self.on_silence: Callable[[], object] | None = None

    def end(self) -> None:
        """Let go of whoever still waits for a message: the call is over."""
        if self._silence is not None and not self._silence.done():
            self._silence.set_result(None)

    def __aiter__(self) -> "Parts":
        return self

    async def __anext__(self) -> pb.ExperimentInfo:
        await self._gate.passed()
        if self._until_silent == 0:
            await self._stay_silent()
            raise StopAsyncIteration
        if not self._messages:
            raise StopAsyncIteration
        if self._until_silent is not None:
            self._until_silent -= 1
        return self._messages.popleft()

    async def _stay_silent(self) -> None:
        loop = asyncio.get_running_loop()
        if self.on_silence is not None:
            # Not from in here: this runs as a part of the very call that is to be hung up.
            loop.call_soon(self.on_silence)
        self._silence = loop.create_future()
        await self._silence


def cut(content: bytes, size_bytes: int) -> Sequence[bytes]:
    """Cut bytes in pieces of a size, the last one shorter; none of nothing."""
    return [content[start : start + size_bytes] for start in range(0, len(content), size_bytes)]
