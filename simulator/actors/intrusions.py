"""Calls that must come to nothing: with a bad certificate, in another's name, about other's things.

Whatever the Director answers is in the history; nobody here looks at it.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from random import Random
from typing import TypeVar, get_args

from simulator.actors.caller import Caller
from simulator.actors.collaborator_client import CollaboratorClient, Membership, WrongReplyError
from simulator.actors.envoy_client import EnvoyClient
from simulator.actors.frontend_client import FrontendClient
from simulator.actors.prying import pried
from simulator.actors.recording import CallError
from simulator.actors.shard import ShardSpec
from simulator.actors.steps import OwnerRpc
from simulator.actors.submitting import draft
from simulator.actors.training import TENSORS
from simulator.actors.uploads import whole
from simulator.actors.workspace import Recipe

_Answer = TypeVar("_Answer")

_NEVER_WAS = "never-was"
# The ids of a federation are not to be had without its archive.
_GUESSED = "plan.yaml_00000000"
_CODE = 1
_SMALL_BYTES = 8 * 2**10


async def pry(caller: Caller, experiments: Sequence[str]) -> None:
    """Ask for all that is to be known of experiments of others, and try to remove them."""
    client = FrontendClient(caller)
    for experiment in experiments:
        for rpc in get_args(OwnerRpc):
            await pried(client, rpc, experiment)


async def slander(caller: Caller, name: str, experiments: Sequence[str]) -> None:
    """Live as an envoy that never registered, and report others' experiments as failed."""
    client = EnvoyClient(caller)
    await _live(caller, client, name)
    for experiment in experiments:
        await _tried(partial(client.report_failure, experiment, name, _CODE, "slander"))


async def impersonate(caller: Caller, victim: str, experiments: Sequence[str]) -> None:
    """Do all that an envoy does, in another envoy's name."""
    shapes = await _tried(FrontendClient(caller).dataset)
    sample_shape, target_shape = shapes if shapes is not None else ((), ())
    shard = ShardSpec(
        envoy=victim,
        description="not what it was",
        n_samples=1,
        sample_shape=sample_shape,
        target_shape=target_shape,
    )
    await _act_as_envoy(caller, shard, experiments or (_NEVER_WAS,))


async def knock(caller: Caller, name: str, random: Random) -> None:
    """Call every RPC there is."""
    shard = ShardSpec(
        envoy=name, description="a stranger", n_samples=1, sample_shape=(), target_shape=()
    )
    await _act_as_envoy(caller, shard, (_NEVER_WAS,))
    client = FrontendClient(caller)
    good = draft(
        f"{name}-experiment",
        (name,),
        recipe=Recipe(rounds=1, host="nowhere", tls=True),
        chunk_bytes=_SMALL_BYTES,
        random=random,
    )
    await _tried(partial(client.submit, whole(good)))
    for call in (client.experiments, client.dataset, client.envoys):
        await _tried(call)
    await pry(caller, (_NEVER_WAS,))


async def _act_as_envoy(caller: Caller, shard: ShardSpec, experiments: Sequence[str]) -> None:
    client, name = EnvoyClient(caller), shard.envoy
    await _tried(partial(client.report_shard, shard))
    await _live(caller, client, name)
    for experiment in experiments:
        await _tried(partial(client.download, experiment, name, _ignored))
        await _act_as_collaborator(caller, name, experiment)
        await _tried(partial(client.report_failure, experiment, name, _CODE, "sabotage"))


async def _live(caller: Caller, client: EnvoyClient, name: str) -> None:
    deadline_s = caller.profile.unary_deadline_s
    beat = partial(
        client.report_heartbeat, name, is_running=False, devices=(), deadline_s=deadline_s
    )
    await _tried(beat)
    await _tried(partial(client.wait_experiment, name, deadline_s=deadline_s))


async def _act_as_collaborator(caller: Caller, name: str, experiment: str) -> None:
    membership = Membership(
        experiment=experiment, name=name, federation=_GUESSED, aggregator=f"aggregator_{_GUESSED}"
    )
    client = CollaboratorClient(caller, membership)
    await _tried(client.tasks)
    for tensor in TENSORS:
        await _tried(partial(client.tensor, tensor, round_number=0, tags=["model"]))
    await _tried(partial(client.report, "train", round_number=0, data_size=10**6, tensors=()))


async def _tried(call: Callable[[], Awaitable[_Answer]]) -> _Answer | None:
    with suppress(CallError, WrongReplyError):
        return await call()
    return None


def _ignored(_: object) -> None:
    """What an intruder thinks of each chunk."""
