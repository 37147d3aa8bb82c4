"""Chunks of an archive that arrive broken, on their way up or down.

The archive travels in messages of `size` and `npbytes`; each mode breaks one rule of that.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass
from random import Random
from typing import Annotated, ClassVar, Literal, Self

from google.protobuf.message import Message as Protobuf
from pydantic import Field, model_validator

from protos.director_pb2 import ExperimentData, ExperimentInfo
from simulator.faults.attack import experiment_of
from simulator.faults.base import EVERYBODY, Chance, FaultBase, Firing, Settings, Touch, misfit
from simulator.faults.selector import Kind
from simulator.network.api import PASS, Direction, Duplicate, Message, Replace, Rule, Verdict
from simulator.units import Share
from simulator.world import Upload, World

Mode = Literal[
    "truncate",
    "truncate_consistent",
    "bits",
    "drop",
    "duplicate",
    "reorder",
    "size_lie",
    "empty",
    "cut",
]

_NTH = ("truncate", "truncate_consistent", "bits", "drop", "duplicate", "reorder", "size_lie")
_KEEP = ("truncate", "truncate_consistent")
_COUNT = {"bits": 8, "cut": 1}
"""With its default; eight flipped bits do not all fall where a zip has nothing to lose."""


class Corruption(Settings):
    """How a stream is broken."""

    mode: Annotated[
        Mode,
        Field(
            description="truncate: a chunk lacks its end, its size says the whole · "
            "truncate_consistent: its size agrees, so only the archive does not · "
            "bits: some are flipped · drop, duplicate, reorder: a chunk is lost, comes twice, "
            "comes after the next · size_lie: a size says less than is there · "
            "empty: no message at all · cut: the stream ends early, in good order"
        ),
    ]
    direction: Annotated[
        Literal["upload", "download"] | None,
        Field(description="left out: what the target does; frontends upload, envoys download"),
    ] = None
    nth: Annotated[int, Field(ge=1, description="which chunk, from 1")] = 1
    keep: Annotated[Share, Field(lt=1, description="how much of the chunk is left")] = 0.5
    count: Annotated[
        int | None, Field(ge=1, description="bits: how many (8) · cut: after how many chunks (1)")
    ] = None

    @model_validator(mode="after")
    def _has_use(self) -> Self:
        uses = {"nth": _NTH, "keep": _KEEP, "count": tuple(_COUNT)}
        for key, modes in uses.items():
            if key in self.model_fields_set and self.mode not in modes:
                raise misfit(f"mode {self.mode!r} has no use for {key!r}", key)
        return self

    @property
    def number(self) -> int:
        """How many bits, or chunks."""
        return _COUNT.get(self.mode, 1) if self.count is None else self.count


@dataclass(slots=True)
class _Stream:
    """What is known of one stream while it passes."""

    is_spoiled: bool
    held: Protobuf | None = None
    is_over: bool = False


class StreamCorrupt(FaultBase):
    """Archives arrive broken: chunks cut, flipped, lost, repeated, swapped, or lied about."""

    reach: ClassVar[tuple[Kind, ...]] = (*EVERYBODY, Kind.ATTACKER)
    rolls: ClassVar[Chance] = Chance.STREAM

    type: Literal["stream.corrupt"]
    with_: Corruption = Field(alias="with")

    def chance(self) -> Chance:
        return Chance.FIRING if self._is_spawning else self.rolls

    def reaches(self) -> tuple[Kind, ...]:
        match self.with_.direction:
            case "upload":
                return (Kind.FRONTEND, Kind.ATTACKER)
            case "download":
                return (Kind.ENVOY,)
            case _:
                return self.reach

    def lasts(self) -> float | None:
        return 0.0 if self._is_spawning else None

    @property
    def _is_spawning(self) -> bool:
        return self.targets is not None and self.targets.spawn

    @model_validator(mode="after")
    def _goes_up(self) -> Self:
        if self._is_spawning and self.with_.direction == "download":
            raise misfit("an attacker who is brought in downloads nothing", "with", "direction")
        return self

    @asynccontextmanager
    async def inject(
        self, world: World, targets: Sequence[str], firing: Firing | None = None
    ) -> AsyncIterator[None]:
        number = (firing or Firing()).number
        with world.network.rules.applied(self._rule(world, targets)):
            if self._is_spawning:
                for attacker in targets:
                    await world.attack(attacker, self._upload(attacker, number))
            yield

    def _upload(self, attacker: str, number: int) -> Upload:
        upload = Upload(experiment=experiment_of(attacker, number))
        # So long that the chunk that is meant comes, and another one after it.
        chunks = max(self.with_.nth, self.with_.number if self.with_.mode == "cut" else 1) + 2
        size_bytes = max(upload.size_bytes, chunks * upload.chunk_bytes)
        return Upload(experiment=upload.experiment, size_bytes=size_bytes)

    def _rule(self, world: World, targets: Sequence[str]) -> Rule:
        aimed = frozenset(targets)
        touch = Touch(world, self)
        streams: dict[tuple[str, int], _Stream] = {}

        def judge(message: Message) -> Verdict:
            if message.actor not in aimed or not self._affects(message):
                return PASS
            random = touch.random(message.actor)
            key = (message.actor, message.call)
            if message.index == 0 or key not in streams:
                spoils = self._is_spawning or touch.happens(random)
                streams[key] = _Stream(is_spoiled=spoils)
            stream = streams[key]
            if not stream.is_spoiled:
                return PASS
            verdict, is_touched = self._spoil(message, stream, random)
            if is_touched:
                touch.message(message, self.with_.mode)
            return verdict

        return judge

    def _affects(self, message: Message) -> bool:
        match message.body:
            case ExperimentInfo():
                way = "upload"
            case ExperimentData():
                way = "download"
            case _:
                return False
        expected = Direction.REQUEST if way == "upload" else Direction.RESPONSE
        return message.direction is expected and self.with_.direction in {None, way}

    def _spoil(self, message: Message, stream: _Stream, random: Random) -> tuple[Verdict, bool]:
        """Return what becomes of a chunk, and whether this is where the stream breaks."""
        if stream.is_over:
            return Replace(()), False
        if stream.held is not None:
            late, stream.held = stream.held, None
            return Replace((message.body, late)), False
        if self.with_.mode in {"empty", "cut"}:
            return self._ended(message, stream)
        if message.index + 1 != self.with_.nth:
            return PASS, False
        return self._broken(message, stream, random), True

    def _ended(self, message: Message, stream: _Stream) -> tuple[Verdict, bool]:
        stays = 0 if self.with_.mode == "empty" else self.with_.number
        if message.index < stays:
            return PASS, False
        stream.is_over = True
        return Replace((), ends_stream=True), True

    def _broken(self, message: Message, stream: _Stream, random: Random) -> Verdict:
        match self.with_.mode:
            case "drop":
                return Replace(())
            case "duplicate":
                return Duplicate()
            case "reorder":
                stream.held = message.body
                return Replace(())
            case _:
                return Replace((self._damaged(message.body, random),))

    def _damaged(self, body: Protobuf, random: Random) -> Protobuf:
        """Return a copy whose chunk is no longer what was sent."""
        copy = deepcopy(body)
        chunk = copy.experiment_data if isinstance(copy, ExperimentInfo) else copy
        assert isinstance(chunk, ExperimentData)
        payload = chunk.npbytes
        match self.with_.mode:
            case "truncate":
                chunk.npbytes = _start(payload, self.with_.keep)
            case "truncate_consistent":
                chunk.npbytes = _start(payload, self.with_.keep)
                chunk.size = len(chunk.npbytes)
            case "bits":
                chunk.npbytes = _flipped(payload, self.with_.number, random)
            case _:
                chunk.size = len(payload) - 1 if payload else 1
        return copy


def _start(payload: bytes, keep: float) -> bytes:
    return payload[: int(len(payload) * keep)]


def _flipped(payload: bytes, bits: int, random: Random) -> bytes:
    flipped = bytearray(payload)
    among = len(payload) * 8
    for position in random.sample(range(among), min(bits, among)):
        flipped[position // 8] ^= 1 << position % 8
    return bytes(flipped)
