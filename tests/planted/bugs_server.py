"""Bugs in the server around the Director: identity, errors, and what it takes upon itself."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import grpc
import grpc.aio

from director import Director, DirectorGRPCServer
from director.core.model import Caller, Device, EnvoyName, ExperimentName, Shard
from director.errors import DirectorError, UnauthenticatedError
from director.settings import Settings
from director.transport.caller import caller_name
from director.transport.status import Context
from protos import director_pb2
from simulator.network.api import ClientCredentials
from simulator.network.memory_server import MemoryServer
from simulator.network.memory_tls import AuthContext, HandshakeError, Handshakes
from tests.planted.planting import Planted, regression

# ---------------------------------------------------------------- identity


class NamesAreNotChecked(Director):
    """The reference's: with a good certificate anybody is any envoy."""

    async def report_shard(self, caller: Caller, shard: Shard) -> bool:
        return await super().report_shard(replace(caller, is_authenticated=False), shard)

    async def wait_experiment(self, caller: Caller, envoy: EnvoyName) -> ExperimentName | None:
        return await super().wait_experiment(replace(caller, is_authenticated=False), envoy)


class HeaderBeatsCertificate(DirectorGRPCServer):
    """A `client_id` that a client sends is believed under TLS, too."""

    def _caller(self, context: Context, *, about: str = "") -> Caller:
        caller = super()._caller(context, about=about)
        claimed = caller_name(context, tls=False)
        return caller if claimed == "__default__" else replace(caller, name=claimed)


class NobodyIsSomebody(DirectorGRPCServer):
    """The reference's: whose certificate has no common name is a caller with an empty name."""

    def get_caller(self, context: Context) -> str:
        try:
            return super().get_caller(context)
        except UnauthenticatedError:
            return ""

    def _caller(self, context: Context, *, about: str = "") -> Caller:
        del about
        name = self.get_caller(context)
        return Caller(name=name, is_authenticated=bool(name), connection=context.peer())


@dataclass(slots=True)
class _Lax(Handshakes):
    """Lets clients in that TLS would have sent away."""

    forgiven: str = field(kw_only=True)
    """What must stand in the reason."""

    def shake(self, client: ClientCredentials | None) -> AuthContext:
        try:
            # Called by name: slots make a class anew, of which a bare `super()` knows nothing.
            return Handshakes.shake(self, client)
        except HandshakeError as error:
            if client is None or self.forgiven not in str(error):
                raise
            return {"transport_security_type": [b"ssl"], "x509_common_name": [b"somebody"]}


def _forgiving(grpc_server: grpc.aio.Server, forgiven: str) -> None:
    # In memory it is the network that shakes hands, as gRPC does on sockets: there sits the flag.
    assert isinstance(grpc_server, MemoryServer)
    strict = grpc_server._handshakes
    grpc_server._handshakes = _Lax(strict.server, strict.now, forgiven=forgiven)


class CertificatesAreOptional(DirectorGRPCServer):
    """As with `require_client_authentication=False`: who shows no certificate is let in."""

    def register(self, grpc_server: grpc.aio.Server) -> None:
        super().register(grpc_server)
        _forgiving(grpc_server, "showed no certificate")


class DatesDoNotMatter(DirectorGRPCServer):
    """Certificates are good for ever."""

    def register(self, grpc_server: grpc.aio.Server) -> None:
        super().register(grpc_server)
        _forgiving(grpc_server, "expired")


# ---------------------------------------------------------------- errors


class ListNeedsTasks(DirectorGRPCServer):
    """The reference's: who has an experiment that runs cannot list any."""

    async def GetExperimentsList(  # noqa: N802 - the protocol's name
        self, request: director_pb2.GetExperimentsListRequest, context: Context
    ) -> director_pb2.GetExperimentsListResponse:
        response = await super().GetExperimentsList(request, context)
        if response.experiments:
            raise AttributeError("'Assigner' object has no attribute 'tasks'")
        return response


class PathsAreTold(DirectorGRPCServer):
    """The reference's: an error tells where on the server's disk the archive would be."""

    async def GetExperimentStatus(  # noqa: N802 - the protocol's name
        self, request: director_pb2.GetExperimentStatusRequest, context: Context
    ) -> director_pb2.GetExperimentStatusResponse:
        try:
            status = self.director.status(
                self._caller(context), ExperimentName(request.experiment_name)
            )
        except DirectorError:
            path = f"/var/lib/director/{request.experiment_name}"
            await context.abort(grpc.StatusCode.NOT_FOUND, f"there is no directory {path}")
        return director_pb2.GetExperimentStatusResponse(experiment_status=status.value)


# ---------------------------------------------------------------- what goes on and on


class RefusalsKeepTheLock(DirectorGRPCServer):
    """One lock guards everything, and a refused upload does not give it back."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._lock = asyncio.Lock()

    async def SetNewExperiment(  # noqa: N802 - the protocol's name
        self,
        request_iterator: AsyncIterator[director_pb2.ExperimentInfo],
        context: Context,
    ) -> director_pb2.SetNewExperimentResponse:
        await self._lock.acquire()
        response = await super().SetNewExperiment(request_iterator, context)
        self._lock.release()
        return response

    async def UpdateEnvoyStatus(  # noqa: N802 - the protocol's name
        self, request: director_pb2.UpdateEnvoyStatusRequest, context: Context
    ) -> director_pb2.UpdateEnvoyStatusResponse:
        async with self._lock:
            return await super().UpdateEnvoyStatus(request, context)


class PollsOutliveTheirClients(Director):
    """A long poll stays parked although its client has gone."""

    def __init__(self, *, settings: Settings, **keywords: Any) -> None:
        super().__init__(settings=settings.model_copy(update={"long_poll_s": 600.0}), **keywords)

    async def wait_experiment(self, caller: Caller, envoy: EnvoyName) -> ExperimentName | None:
        return await asyncio.shield(super().wait_experiment(caller, envoy))


class DescriptionsWaitForMore(DirectorGRPCServer):
    """Who asks for a description waits until there is something new in it."""

    async def GetExperimentDescription(  # noqa: N802 - the protocol's name
        self, request: director_pb2.GetExperimentDescriptionRequest, context: Context
    ) -> director_pb2.GetExperimentDescriptionResponse:
        response = await super().GetExperimentDescription(request, context)
        if response.experiment.progress >= 1:
            await asyncio.Event().wait()
        return response


class EveryConnectionCosts(Director):
    """Connections are remembered for ever, and every heartbeat looks through all of them."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._seen: set[str] = set()

    async def report_heartbeat(
        self,
        caller: Caller,
        envoy: EnvoyName,
        *,
        is_experiment_running: bool,
        devices: Sequence[Device],
    ) -> float:
        self._seen.add(caller.connection)
        await asyncio.sleep(0.002 * len(self._seen))
        return await super().report_heartbeat(
            caller, envoy, is_experiment_running=is_experiment_running, devices=devices
        )


BUGS = (
    Planted(bug=NamesAreNotChecked, breaks="binding", scenario=regression("eve_acts_as_another")),
    Planted(
        bug=HeaderBeatsCertificate, breaks="binding", scenario=regression("eve_acts_as_another")
    ),
    Planted(bug=NobodyIsSomebody, breaks="binding", scenario="scenarios/identity_tls"),
    Planted(bug=CertificatesAreOptional, breaks="tls", scenario="scenarios/identity_tls"),
    Planted(bug=DatesDoNotMatter, breaks="tls", scenario="scenarios/identity_tls"),
    Planted(
        bug=ListNeedsTasks, breaks="errors", scenario=regression("python_exceptions_on_the_wire")
    ),
    Planted(
        bug=PathsAreTold, breaks="errors", scenario=regression("python_exceptions_on_the_wire")
    ),
    Planted(bug=RefusalsKeepTheLock, breaks="alive", scenario=regression("interrupted_upload")),
    Planted(bug=PollsOutliveTheirClients, breaks="leak", scenario="scenarios/lifecycle"),
    Planted(bug=DescriptionsWaitForMore, breaks="answered", scenario="scenarios/lifecycle"),
    Planted(
        bug=EveryConnectionCosts, breaks="throughput", scenario=regression("as_quick_as_before")
    ),
)
