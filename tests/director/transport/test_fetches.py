"""Models and tensors on their way to who asked for them: there may not be too many at once."""

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from director.core.model import Model
from director.errors import LimitExceededError, UnavailableError, UnknownExperimentError
from director.settings import Limits, Settings
from director.transport.fetches import Fetches
from director.transport.tensors import model_answer
from protos import aggregator_pb2, base_pb2, director_pb2

SETTINGS = Settings(limits=Limits(max_model_fetches=3, max_model_fetches_per_owner=2))
MODEL: Model = {"weights": np.array([1.0, 2.0], np.float32)}


class Call:
    """A call that ends when its test says so."""

    def __init__(self) -> None:
        self._callbacks: list[Callable[[Any], object]] = []

    def peer(self) -> str:
        return "somewhere"

    def add_done_callback(self, callback: Callable[[Any], object]) -> None:
        self._callbacks.append(callback)

    def end(self) -> None:
        for callback in self._callbacks:
            callback(self)


async def fetch(fetches: Fetches, owner: str, call: Call) -> bytes:
    async def load() -> Model:
        return MODEL

    context: Any = call
    return await fetches.answer(context, owner, load)


async def test_an_owner_fetches_no_more_than_its_share_until_it_has_taken_something() -> None:
    fetches, first, second, third = Fetches(SETTINGS), Call(), Call(), Call()
    await fetch(fetches, "alice", first)
    await fetch(fetches, "alice", second)

    with pytest.raises(LimitExceededError, match="2 of your models"):
        await fetch(fetches, "alice", third)
    first.end()

    assert await fetch(fetches, "alice", third)


async def test_who_finds_every_place_taken_waits_for_one() -> None:
    fetches, call, carols = Fetches(SETTINGS), Call(), Call()
    for owner in ("alice", "alice", "bob"):
        await fetch(fetches, owner, call)
    waiting = asyncio.create_task(fetch(fetches, "carol", carols))
    await asyncio.sleep(1)
    assert not waiting.done()

    call.end()

    assert await waiting
    assert len(fetches) == 1


async def test_nobody_waits_for_a_place_for_longer_than_a_client_may_take_nothing() -> None:
    fetches, call = Fetches(SETTINGS), Call()
    for owner in ("alice", "alice", "bob"):
        await fetch(fetches, owner, call)
    began_s = asyncio.get_running_loop().time()

    with pytest.raises(LimitExceededError, match="3 models are being fetched"):
        await fetch(fetches, "carol", Call())

    assert asyncio.get_running_loop().time() - began_s == SETTINGS.download_idle_s
    assert len(fetches) == 3


async def test_a_fetch_that_is_refused_or_given_up_takes_no_place() -> None:
    async def refuse() -> Model:
        raise UnknownExperimentError("never-was")

    async def never() -> Model:
        await asyncio.Event().wait()
        return {}

    fetches = Fetches(SETTINGS)
    context: Any = Call()
    with pytest.raises(UnknownExperimentError):
        await fetches.answer(context, "alice", refuse)
    given_up = asyncio.create_task(fetches.answer(context, "alice", never))
    await asyncio.sleep(1)
    given_up.cancel()
    await asyncio.wait([given_up])

    assert len(fetches) == 0


async def test_a_collaborator_that_takes_no_tensors_is_told_to_come_again() -> None:
    fetches, calls = Fetches(SETTINGS), [Call() for _ in range(17)]
    contexts: list[Any] = list(calls)
    for context in contexts[:16]:
        fetches.note_tensor(context, "env-1", 100)

    with pytest.raises(UnavailableError, match="16 of your tensors"):
        fetches.note_tensor(contexts[16], "env-1", 100)
    fetches.note_tensor(contexts[16], "env-2", 100)

    calls[0].end()
    fetches.note_tensor(contexts[0], "env-1", 100)


@pytest.mark.parametrize(
    "model",
    [
        {},
        MODEL,
        {"scalar": np.array(1.5, np.float32), "none": np.zeros((0, 3), np.float32)},
        {"wide": np.arange(6.0).reshape(2, 3), "turned": np.ones((2, 3), np.float32).T},
        {"large": np.zeros(100_000, np.float32), "größer": np.ones((3, 1, 2), np.float32)},
    ],
)
def test_an_answer_is_what_the_library_makes_of_it(model: Model) -> None:
    answer = model_answer(model)

    expected = base_pb2.ModelProto(
        tensors=[
            base_pb2.NamedTensor(
                name=name,
                lossless=True,
                tags=["model"],
                transformer_metadata=[base_pb2.MetadataProto(int_list=array.shape)],
                data_bytes=array.astype("<f4").tobytes(),
            )
            for name, array in model.items()
        ]
    )
    for kind in (director_pb2.TrainedModelResponse, aggregator_pb2.TrainedModelResponse):
        assert kind.FromString(answer) == kind(model_proto=expected)
