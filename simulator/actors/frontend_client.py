"""The Director's RPCs for frontends, each call recorded."""

from dataclasses import dataclass, field
from typing import Literal, cast

import grpc.aio

from protos import base_pb2, director_pb2 as pb, director_pb2_grpc
from simulator.actors import summary
from simulator.actors.caller import Caller
from simulator.actors.tensors import shown_all
from simulator.actors.uploads import Parts, Upload
from simulator.history.entry import JsonObject


@dataclass(slots=True)
class Metrics:
    """What one follower has seen of a metric stream."""

    seen: list[pb.GetMetricStreamResponse] = field(default_factory=list)

    def told(self) -> JsonObject:
        """Tell it in the history, in the order of arrival."""
        return {"metrics": [summary.metric(metric) for metric in self.seen]}


class FrontendClient:
    """Calls the Director as a frontend does; each raises CallError where it brings no answer."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._record = caller.recording
        self._deadline_s = caller.profile.unary_deadline_s
        self._metadata = caller.metadata
        self._stub = cast(
            "director_pb2_grpc.DirectorAsyncStub", director_pb2_grpc.DirectorStub(caller.channel)
        )

    async def submit(self, upload: Upload) -> bool:
        """Upload an experiment; return whether it was accepted."""
        parts = Parts(upload, self._record.gate)
        deadline_s = upload.deadline_s or self._caller.profile.transfer_deadline_s

        def call() -> "grpc.aio.StreamUnaryCall[pb.ExperimentInfo, pb.SetNewExperimentResponse]":
            made = self._stub.SetNewExperiment(parts, timeout=deadline_s, metadata=self._metadata)
            if upload.hangs_up:
                parts.on_silence = made.cancel
            return made

        def tell(answer: pb.SetNewExperimentResponse) -> JsonObject:
            return {"accepted": answer.accepted}

        try:
            return (await self._record.unary("SetNewExperiment", upload.told, call, tell)).accepted
        finally:
            parts.end()

    async def status(self, experiment: str) -> str:
        """Ask for an experiment's status."""
        request = pb.GetExperimentStatusRequest(experiment_name=experiment)

        def tell(answer: pb.GetExperimentStatusResponse) -> JsonObject:
            return {"status": answer.experiment_status}

        answer = await self._record.unary(
            "GetExperimentStatus",
            {"experiment": experiment},
            lambda: self._stub.GetExperimentStatus(
                request, timeout=self._deadline_s, metadata=self._metadata
            ),
            tell,
        )
        return answer.experiment_status

    async def experiments(self) -> None:
        """List the caller's experiments."""
        request = pb.GetExperimentsListRequest()
        await self._record.unary(
            "GetExperimentsList",
            {},
            lambda: self._stub.GetExperimentsList(
                request, timeout=self._deadline_s, metadata=self._metadata
            ),
            summary.experiments,
        )

    async def describe(self, experiment: str) -> None:
        """Ask for all that there is to know of an experiment."""
        request = pb.GetExperimentDescriptionRequest(name=experiment)
        await self._record.unary(
            "GetExperimentDescription",
            {"experiment": experiment},
            lambda: self._stub.GetExperimentDescription(
                request, timeout=self._deadline_s, metadata=self._metadata
            ),
            summary.description,
        )

    async def dataset(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return sample and target shape of the federation."""
        request = pb.GetDatasetInfoRequest()
        answer = await self._record.unary(
            "GetDatasetInfo",
            {},
            lambda: self._stub.GetDatasetInfo(
                request, timeout=self._deadline_s, metadata=self._metadata
            ),
            summary.dataset,
        )
        return tuple(answer.shard_info.sample_shape), tuple(answer.shard_info.target_shape)

    async def envoys(self) -> tuple[str, ...]:
        """List the envoys; return their names."""
        request = pb.GetEnvoysRequest()
        answer = await self._record.unary(
            "GetEnvoys",
            {},
            lambda: self._stub.GetEnvoys(
                request, timeout=self._deadline_s, metadata=self._metadata
            ),
            summary.envoys,
        )
        return tuple(envoy.shard_info.node_info.name for envoy in answer.envoy_infos)

    async def model(self, experiment: str, which: Literal["best", "last"]) -> base_pb2.ModelProto:
        """Fetch a trained model."""
        kinds = pb.GetTrainedModelRequest
        request = pb.GetTrainedModelRequest(
            experiment_name=experiment,
            model_type=kinds.BEST_MODEL if which == "best" else kinds.LAST_MODEL,
        )

        def tell(answer: pb.TrainedModelResponse) -> JsonObject:
            return {"tensors": shown_all(answer.model_proto.tensors)}

        answer = await self._record.unary(
            "GetTrainedModel",
            {"experiment": experiment, "kind": which},
            lambda: self._stub.GetTrainedModel(
                request, timeout=self._deadline_s, metadata=self._metadata
            ),
            tell,
        )
        return answer.model_proto

    async def follow(
        self,
        experiment: str,
        *,
        leave_after: int | None = None,
        deadline_s: float | None = None,
    ) -> None:
        """Read the metric stream to its end, or until so many have come."""
        request = pb.GetMetricStreamRequest(experiment_name=experiment)
        metrics = Metrics()

        def take(_: int, metric: pb.GetMetricStreamResponse) -> bool:
            metrics.seen.append(metric)
            return len(metrics.seen) != leave_after

        await self._record.stream(
            "GetMetricStream",
            {"experiment": experiment},
            lambda: self._stub.GetMetricStream(
                request, timeout=deadline_s, metadata=self._metadata
            ),
            take=take,
            tell=metrics.told,
            tell_part=metrics.told,
        )

    async def remove(self, experiment: str) -> bool:
        """Remove an experiment; return what was acknowledged."""
        request = pb.RemoveExperimentRequest(experiment_name=experiment)

        def tell(answer: pb.RemoveExperimentResponse) -> JsonObject:
            return {"acknowledged": answer.acknowledgement}

        answer = await self._record.unary(
            "RemoveExperimentData",
            {"experiment": experiment},
            lambda: self._stub.RemoveExperimentData(
                request, timeout=self._deadline_s, metadata=self._metadata
            ),
            tell,
        )
        return answer.acknowledgement
