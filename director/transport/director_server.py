"""The Director's service: each method converts, asks the Director, and converts its answer."""

from collections.abc import AsyncIterator
from functools import partial

from director.core.model import Caller, EnvoyName, ExperimentName
from director.interface import DirectorInterface, settings_of
from director.transport import convert
from director.transport.caller import caller_name, caller_of, unmarked_caller_of
from director.transport.chunks import Encoder
from director.transport.fetches import Fetches
from director.transport.registration import encoded, taking_bytes
from director.transport.status import Context, refusals_as_status
from director.transport.streams import closing, upload_parts
from protos import director_pb2, director_pb2_grpc


class DirectorServicer(director_pb2_grpc.DirectorServicer):
    """The 14 RPCs over one Director; each is described in protos/director.proto."""

    def __init__(self, director: DirectorInterface, *, tls: bool) -> None:
        self.director = director
        self.tls = tls
        settings = settings_of(director)
        self._limits = settings.limits
        self._fetches = Fetches(settings)
        self._envoys = convert.EnvoyList()
        self._encoder = Encoder()

    def get_caller(self, context: Context) -> str:
        """Return the caller's name: its certificate's, or in plaintext its `client_id`.

        Raises:
            UnauthenticatedError: its certificate has no common name.
        """
        return caller_name(context, tls=self.tls)

    def _caller(self, context: Context, *, about: str = "") -> Caller:
        return caller_of(context, tls=self.tls, about=about)

    # ------------------------------------------------------------ for envoys

    async def UpdateShardInfo(
        self, request: director_pb2.UpdateShardInfoRequest, context: Context
    ) -> director_pb2.UpdateShardInfoResponse:
        async with refusals_as_status(context):
            shard = convert.shard_from(request.shard_info, self._limits)
            accepted = await self.director.report_shard(self._caller(context), shard)
            return director_pb2.UpdateShardInfoResponse(accepted=accepted)

    async def UpdateEnvoyStatus(
        self, request: director_pb2.UpdateEnvoyStatusRequest, context: Context
    ) -> director_pb2.UpdateEnvoyStatusResponse:
        # Nothing is asked as often: so not the block that the others have, which costs more than
        # the heartbeat itself.
        try:
            period_s = await self.director.report_heartbeat(
                unmarked_caller_of(context, tls=self.tls),
                EnvoyName(request.name),
                is_experiment_running=request.is_experiment_running,
                devices=convert.devices_from(request.cuda_devices, self._limits),
            )
        except Exception:
            async with refusals_as_status(context):
                self._caller(context)
                raise
        return convert.heartbeat_answer(period_s)

    async def WaitExperiment(
        self, request: director_pb2.WaitExperimentRequest, context: Context
    ) -> director_pb2.WaitExperimentResponse:
        async with refusals_as_status(context):
            envoy = EnvoyName(request.collaborator_name)
            del request  # Thousands of these wait at the same time.
            experiment = await self.director.wait_experiment(self._caller(context), envoy)
            return director_pb2.WaitExperimentResponse(experiment_name=experiment or "")

    async def GetExperimentData(
        self, request: director_pb2.GetExperimentDataRequest, context: Context
    ) -> AsyncIterator[director_pb2.ExperimentData]:
        async with refusals_as_status(context):
            download = self.director.download(
                self._caller(context, about=request.experiment_name),
                ExperimentName(request.experiment_name),
                EnvoyName(request.collaborator_name),
            )
            async with closing(download) as chunks:
                async for chunk in chunks:
                    sent = self._encoder.encoded(chunk)
                    yield encoded(sent.message, director_pb2.ExperimentData)

    async def SetExperimentFailed(
        self, request: director_pb2.SetExperimentFailedRequest, context: Context
    ) -> director_pb2.SetExperimentFailedResponse:
        async with refusals_as_status(context):
            await self.director.report_failure(
                self._caller(context, about=request.experiment_name), convert.failure_from(request)
            )
            return director_pb2.SetExperimentFailedResponse()

    # ------------------------------------------------------------ for frontends

    @taking_bytes
    async def SetNewExperiment(
        self, request_iterator: AsyncIterator[director_pb2.ExperimentInfo], context: Context
    ) -> director_pb2.SetNewExperimentResponse:
        async with (
            refusals_as_status(context),
            closing(upload_parts(request_iterator, context)) as upload,
        ):
            await self.director.submit(self._caller(context), upload)
            return director_pb2.SetNewExperimentResponse(accepted=True)

    async def GetExperimentStatus(
        self, request: director_pb2.GetExperimentStatusRequest, context: Context
    ) -> director_pb2.GetExperimentStatusResponse:
        async with refusals_as_status(context):
            status = self.director.status(
                self._caller(context, about=request.experiment_name),
                ExperimentName(request.experiment_name),
            )
            return director_pb2.GetExperimentStatusResponse(experiment_status=status.value)

    async def GetExperimentDescription(
        self, request: director_pb2.GetExperimentDescriptionRequest, context: Context
    ) -> director_pb2.GetExperimentDescriptionResponse:
        async with refusals_as_status(context):
            caller = self._caller(context, about=request.name)
            view = self.director.describe(caller, ExperimentName(request.name))
            return director_pb2.GetExperimentDescriptionResponse(
                experiment=convert.description(view)
            )

    async def GetExperimentsList(
        self, request: director_pb2.GetExperimentsListRequest, context: Context
    ) -> director_pb2.GetExperimentsListResponse:
        del request  # It has no fields.
        async with refusals_as_status(context):
            summaries = self.director.experiments(self._caller(context))
            return director_pb2.GetExperimentsListResponse(
                experiments=[convert.list_item(summary) for summary in summaries]
            )

    async def GetDatasetInfo(
        self, request: director_pb2.GetDatasetInfoRequest, context: Context
    ) -> director_pb2.GetDatasetInfoResponse:
        del request  # It has no fields.
        async with refusals_as_status(context):
            self.get_caller(context)
            sample_shape, target_shape = self.director.dataset()
            return director_pb2.GetDatasetInfoResponse(
                shard_info=director_pb2.ShardInfo(
                    sample_shape=sample_shape, target_shape=target_shape
                )
            )

    async def GetTrainedModel(
        self, request: director_pb2.GetTrainedModelRequest, context: Context
    ) -> director_pb2.TrainedModelResponse:
        async with refusals_as_status(context):
            caller = self._caller(context, about=request.experiment_name)
            name = ExperimentName(request.experiment_name)
            load = partial(
                self.director.trained_model, caller, name, convert.kind_from(request.model_type)
            )
            answer = await self._fetches.answer(context, caller.name, load)
            return encoded(answer, director_pb2.TrainedModelResponse)

    async def GetMetricStream(
        self, request: director_pb2.GetMetricStreamRequest, context: Context
    ) -> AsyncIterator[director_pb2.GetMetricStreamResponse]:
        async with refusals_as_status(context):
            name = ExperimentName(request.experiment_name)
            caller = self._caller(context, about=name)
            async with closing(self.director.metrics(caller, name)) as metrics:
                async for metric in metrics:
                    yield convert.metric_message(metric, director_pb2.GetMetricStreamResponse)

    async def RemoveExperimentData(
        self, request: director_pb2.RemoveExperimentRequest, context: Context
    ) -> director_pb2.RemoveExperimentResponse:
        async with refusals_as_status(context):
            removed = await self.director.remove(
                self._caller(context, about=request.experiment_name),
                ExperimentName(request.experiment_name),
            )
            return director_pb2.RemoveExperimentResponse(acknowledgement=removed)

    async def GetEnvoys(
        self, request: director_pb2.GetEnvoysRequest, context: Context
    ) -> director_pb2.GetEnvoysResponse:
        del request  # It has no fields.
        async with refusals_as_status(context):
            return self._envoys.response(self.director.envoys(self._caller(context)))
