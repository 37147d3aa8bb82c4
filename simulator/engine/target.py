"""A Director that runs elsewhere: whether it can be tormented, and what is there before and after.

None of this is an operation of a run: it is asked before anybody comes, and tidied up afterwards.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import cast

import grpc
import grpc.aio

from protos import director_pb2 as pb, director_pb2_grpc
from simulator.actors import summary
from simulator.actors.caller import Metadata, client_id
from simulator.actors.shard import ShardSpec
from simulator.history.calls import OBSERVER
from simulator.history.entry import JsonObject
from simulator.history.fields import tables, text
from simulator.history.history import History
from simulator.pki import Pki
from simulator.scenario.schema import DirectorSpec, Scenario

_CONNECT_S = 2.0
_ANSWER_S = 3.0
_WAIT_S = 0.2
"""How long the visitor waits for work: only so that OpenFL's Director can list it afterwards."""
_TIDY_S = 10.0
_ENDS = "failed to connect to all addresses; last error: "
"""How gRPC begins what it says of a connection."""


class TargetError(Exception):
    """It cannot be tormented as it is; the message says why, and what would help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """An experiment, and who owns it."""

    owner: str
    """Its identity; "" for a plaintext client that tells none."""
    experiment: str

    def __str__(self) -> str:
        return f"{self.experiment!r} of {self.owner or 'nobody'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """What a Director told before anybody came."""

    sample_shape: tuple[str, ...]
    target_shape: tuple[str, ...]
    heartbeat_period_s: float | None
    """None where nobody could learn it."""
    envoys: Sequence[JsonObject]
    """Everybody it knows, as the listing tells them."""
    leftovers: Sequence[Owned]
    """Experiments there that the scenario is to upload itself."""

    def ensure_clear(self) -> None:
        """Let nothing begin that would meet experiments of its own names.

        Raises:
            TargetError: there are some.
        """
        if self.leftovers:
            there = ", ".join(map(str, self.leftovers))
            raise TargetError(
                f"experiments of the scenario's own names are there already: {there}; a run removes"
                " its own when it ends, so these are somebody's, or those of a run that was killed:"
                " --clean removes them first"
            )


def uploaded(history: History) -> Sequence[Owned]:
    """Return every experiment that a run has brought to its Director, or may have."""
    calls = [call for call in history.calls("SetNewExperiment") if call.may_have_happened]
    return list(
        dict.fromkeys(
            Owned(owner=call.identity, experiment=text(call.request, "experiment"))
            for call in calls
        )
    )


class Target:
    """Talks to a Director that runs elsewhere, in everybody's name."""

    def __init__(self, spec: DirectorSpec, pki: Pki | None) -> None:
        assert spec.address is not None
        self._address = spec.address
        self._pki = pki

    async def stock(self, scenario: Scenario) -> Stock:
        """Return what is there; its period is learnt in the name of the scenario's first envoy.

        Raises:
            TargetError: nobody can be reached there, or it is no Director.
        """
        await self._reach()
        async with self._calling(OBSERVER) as (stub, metadata):
            dataset = await self._dataset(stub, metadata)
            shapes = tuple(dataset.sample_shape), tuple(dataset.target_shape)
            period_s = None
            for group in scenario.envoys[:1]:
                period_s = await self._visit(group.members()[0].id, *shapes)
            envoys = await _envoys(stub, metadata)
        return Stock(
            sample_shape=shapes[0],
            target_shape=shapes[1],
            heartbeat_period_s=period_s,
            envoys=envoys,
            leftovers=await self.leftovers(scenario),
        )

    async def leftovers(self, scenario: Scenario) -> Sequence[Owned]:
        """Return the experiments there that a scenario is to upload itself."""
        found: list[Owned] = []
        names: dict[str, list[str]] = {}
        for owner, name in scenario.owned():
            names.setdefault(owner, []).append(name)
        for owner, wanted in names.items():
            async with self._calling(owner) as (stub, metadata):
                there = await _experiments(stub, metadata)
            found += [Owned(owner=owner, experiment=name) for name in wanted if name in there]
        return found

    async def tidy(self, experiments: Iterable[Owned]) -> None:
        """Remove experiments, as far as they are there and their Director lets it happen."""
        # A Director that does not answer any more has been judged for that.
        with suppress(TimeoutError):
            async with asyncio.timeout(_TIDY_S):
                for each in experiments:
                    await self._remove(each)

    # ------------------------------------------------------------ is it there

    async def _reach(self) -> None:
        host, _, port = self._address.rpartition(":")
        try:
            async with asyncio.timeout(_CONNECT_S):
                _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
        except TimeoutError as error:
            raise self._error(f"nobody answers within {_CONNECT_S:g} s") from error
        except OSError as error:
            raise self._error(f"nobody can be reached: {error.strerror or error}") from error
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    async def _dataset(
        self, stub: "director_pb2_grpc.DirectorAsyncStub", who: Metadata
    ) -> pb.ShardInfo:
        try:
            answer = await stub.GetDatasetInfo(
                pb.GetDatasetInfoRequest(), timeout=_ANSWER_S, metadata=who
            )
        except grpc.aio.AioRpcError as error:
            raise self._error(self._why(error)) from error
        return answer.shard_info

    def _why(self, error: grpc.aio.AioRpcError) -> str:
        """Say what a first call that brought no answer probably means."""
        said = (error.details() or "").replace(_ENDS, "")
        told = f"{error.code().name}: {said}" if said else error.code().name
        match error.code():
            case grpc.StatusCode.UNAVAILABLE | grpc.StatusCode.DEADLINE_EXCEEDED if self._pki:
                return (
                    "somebody listens, but no call got through over TLS: is the Director's"
                    f" certificate, or this authority, another one's? ({told})"
                )
            case grpc.StatusCode.UNAVAILABLE | grpc.StatusCode.DEADLINE_EXCEEDED:
                return (
                    "somebody listens, but no call got through in plaintext: if it wants TLS, say"
                    f" --set identity=mtls --ca-cert … --ca-key … ({told})"
                )
            case grpc.StatusCode.UNIMPLEMENTED:
                return f"a gRPC server is there, but it is no Director ({told})"
            case _:
                return f"the Director does not tell the federation's shapes ({told})"

    def _error(self, why: str) -> TargetError:
        return TargetError(f"the target {self._address} cannot be used: {why}")

    # ------------------------------------------------------------ what is there

    async def _visit(
        self, envoy: str, sample_shape: tuple[str, ...], target_shape: tuple[str, ...]
    ) -> float | None:
        """Return the heartbeat period that an envoy is told, which registers where it has to."""
        shard = ShardSpec(
            envoy=envoy,
            description="a visitor who asks for the heartbeat period",
            n_samples=1,
            sample_shape=sample_shape,
            target_shape=target_shape,
        )
        async with self._calling(envoy) as (stub, _):
            try:
                return await _pulse(stub, envoy)
            except grpc.aio.AioRpcError:
                pass  # It is not known there yet.
            try:
                register = pb.UpdateShardInfoRequest(shard_info=shard.as_proto())
                await stub.UpdateShardInfo(register, timeout=_ANSWER_S)
                with suppress(grpc.aio.AioRpcError):
                    wait = pb.WaitExperimentRequest(collaborator_name=envoy)
                    await stub.WaitExperiment(wait, timeout=_WAIT_S)
                return await _pulse(stub, envoy)
            except grpc.aio.AioRpcError:
                return None  # What is wrong with it is for the run to show.

    async def _remove(self, each: Owned) -> None:
        if self._pki is not None and not each.owner:
            return  # Nobody without a name gets in over TLS.
        async with self._calling(each.owner) as (stub, metadata):
            with suppress(grpc.aio.AioRpcError):
                await stub.RemoveExperimentData(
                    pb.RemoveExperimentRequest(experiment_name=each.experiment),
                    timeout=_ANSWER_S,
                    metadata=metadata,
                )

    @asynccontextmanager
    async def _calling(
        self, who: str
    ) -> "AsyncIterator[tuple[director_pb2_grpc.DirectorAsyncStub, Metadata]]":
        """Open a connection of somebody's own for as long as the context lasts."""
        async with self._channel(who) as channel:
            stub = director_pb2_grpc.DirectorStub(channel)
            metadata = client_id(who) if self._pki is None and who else ()
            yield cast("director_pb2_grpc.DirectorAsyncStub", stub), metadata

    def _channel(self, who: str) -> grpc.aio.Channel:
        options = [("grpc.use_local_subchannel_pool", 1)]
        if self._pki is None:
            return grpc.aio.insecure_channel(self._address, options=options)
        shown = self._pki.client(who)
        credentials = grpc.ssl_channel_credentials(
            shown.root_certificate, shown.private_key, shown.certificate
        )
        return grpc.aio.secure_channel(self._address, credentials, options=options)


# What follows is tolerant: an answer that fails here fails in the run, and is judged there.


async def _pulse(stub: "director_pb2_grpc.DirectorAsyncStub", envoy: str) -> float | None:
    answer = await stub.UpdateEnvoyStatus(
        pb.UpdateEnvoyStatusRequest(name=envoy), timeout=_ANSWER_S
    )
    period_s = answer.health_check_period.seconds + answer.health_check_period.nanos / 1e9
    return period_s if period_s > 0 else None


async def _envoys(
    stub: "director_pb2_grpc.DirectorAsyncStub", who: Metadata
) -> Sequence[JsonObject]:
    try:
        answer = await stub.GetEnvoys(pb.GetEnvoysRequest(), timeout=_ANSWER_S, metadata=who)
    except grpc.aio.AioRpcError:
        return ()
    return tables(summary.envoys(answer), "envoys")


async def _experiments(stub: "director_pb2_grpc.DirectorAsyncStub", who: Metadata) -> Sequence[str]:
    request = pb.GetExperimentsListRequest()
    try:
        answer = await stub.GetExperimentsList(request, timeout=_ANSWER_S, metadata=who)
    except grpc.aio.AioRpcError:
        return ()
    return [experiment.name for experiment in answer.experiments]
