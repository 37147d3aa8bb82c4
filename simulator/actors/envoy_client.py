"""The Director's RPCs for envoys, each call recorded."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

from protos import director_pb2 as pb, director_pb2_grpc
from simulator.actors.archives import Inspected, inspected
from simulator.actors.caller import Caller
from simulator.actors.shard import ShardSpec
from simulator.history.entry import JsonObject


@dataclass(slots=True)
class Download:
    """An archive on its way to an envoy."""

    call: int = -1
    chunks: int = 0
    mismatched: int = 0
    """How many chunks lied about their size."""
    content: bytearray = field(default_factory=bytearray)

    def take(self, call: int, chunk: pb.ExperimentData) -> None:
        """Add a chunk, true to its size or not."""
        self.call = call
        self.chunks += 1
        # Read once: the message copies its bytes on every access.
        npbytes = chunk.npbytes
        self.mismatched += chunk.size != len(npbytes)
        self.content += npbytes

    def told(self) -> JsonObject:
        """Tell in the history how much has come."""
        return {
            "chunks": self.chunks,
            "size": len(self.content),
            "mismatched": self.mismatched,
        }


class EnvoyClient:
    """Calls the Director as an envoy does; each call raises CallError where it brings no answer.

    Names are arguments, because an impostor uses other people's.
    """

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._record = caller.recording
        self._stub = cast(
            "director_pb2_grpc.DirectorAsyncStub", director_pb2_grpc.DirectorStub(caller.channel)
        )

    async def report_shard(self, shard: ShardSpec) -> bool:
        """Register; return whether the shard was accepted."""
        request = pb.UpdateShardInfoRequest(shard_info=shard.as_proto())

        def tell(answer: pb.UpdateShardInfoResponse) -> JsonObject:
            return {"accepted": answer.accepted}

        answer = await self._record.unary(
            "UpdateShardInfo",
            shard.told(),
            lambda: self._stub.UpdateShardInfo(
                request,
                timeout=self._caller.profile.unary_deadline_s,
                metadata=self._caller.metadata,
            ),
            tell,
        )
        return answer.accepted

    async def report_heartbeat(
        self,
        name: str,
        *,
        is_running: bool,
        devices: Sequence[pb.CudaDeviceInfo],
        deadline_s: float | None,
    ) -> float:
        """Tell that the envoy lives; return the period that it is told, in seconds."""
        request = pb.UpdateEnvoyStatusRequest(
            name=name, is_experiment_running=is_running, cuda_devices=devices
        )

        def period_s(answer: pb.UpdateEnvoyStatusResponse) -> float:
            period = answer.health_check_period
            return period.seconds + period.nanos / 1e9

        answer = await self._record.unary(
            "UpdateEnvoyStatus",
            {"name": name, "running": is_running},
            lambda: self._stub.UpdateEnvoyStatus(
                request, timeout=deadline_s, metadata=self._caller.metadata
            ),
            lambda answer: {"period_s": period_s(answer)},
        )
        return period_s(answer)

    async def wait_experiment(self, name: str, *, deadline_s: float | None = None) -> str:
        """Wait for an experiment; "" where the Director says to ask again."""
        request = pb.WaitExperimentRequest(collaborator_name=name)

        def tell(answer: pb.WaitExperimentResponse) -> JsonObject:
            return {"experiment": answer.experiment_name}

        answer = await self._record.unary(
            "WaitExperiment",
            {"name": name},
            lambda: self._stub.WaitExperiment(
                request, timeout=deadline_s, metadata=self._caller.metadata
            ),
            tell,
        )
        return answer.experiment_name

    async def download(
        self, experiment: str, name: str, on_chunk: Callable[[Download], None]
    ) -> tuple[Download, Inspected]:
        """Download an archive, and look through it."""
        request = pb.GetExperimentDataRequest(experiment_name=experiment, collaborator_name=name)
        download = Download()
        found: list[Inspected] = []

        def take(call: int, chunk: pb.ExperimentData) -> bool:
            download.take(call, chunk)
            on_chunk(download)
            return True

        def tell_all() -> JsonObject:
            found.append(inspected(download.content))
            return {**download.told(), **found[0].told()}

        await self._record.stream(
            "GetExperimentData",
            {"experiment": experiment, "name": name},
            lambda: self._stub.GetExperimentData(
                request,
                timeout=self._caller.profile.transfer_deadline_s,
                metadata=self._caller.metadata,
            ),
            take=take,
            tell=tell_all,
            tell_part=download.told,
        )
        return download, found[0]

    async def report_failure(self, experiment: str, name: str, code: int, description: str) -> None:
        """Tell that an experiment broke."""
        request = pb.SetExperimentFailedRequest(
            experiment_name=experiment,
            collaborator_name=name,
            error_code=code,
            error_description=description,
        )
        await self._record.unary(
            "SetExperimentFailed",
            {"experiment": experiment, "name": name, "code": code, "description": description},
            lambda: self._stub.SetExperimentFailed(
                request,
                timeout=self._caller.profile.unary_deadline_s,
                metadata=self._caller.metadata,
            ),
            lambda _: {},
        )
