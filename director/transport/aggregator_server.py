"""The Aggregator's service, for all runs at once: which one is meant, the header tells.

Collaborators are never answered with a code that makes them spin; see `COLLABORATOR_CODES`.
"""

from collections.abc import AsyncIterator
from functools import partial

import grpc

from director.core.model import Caller, ExperimentName
from director.interface import DirectorInterface
from director.transport import convert, runs
from director.transport.arrivals import Arrivals
from director.transport.caller import caller_of
from director.transport.fetches import Fetches
from director.transport.registration import encoded
from director.transport.status import COLLABORATOR_CODES, Context, refusals_as_status
from director.transport.streams import closing, confirm_client
from director.transport.tensors import tensor_message
from protos import aggregator_pb2, aggregator_pb2_grpc, base_pb2

_EMPTY = "these results say not even who sends them: send them again from the beginning"


class AggregatorServicer(aggregator_pb2_grpc.AggregatorServicer):
    """The 6 RPCs over one Director; each is described in protos/aggregator.proto."""

    def __init__(
        self, director: DirectorInterface, arrivals: Arrivals, fetches: Fetches, *, tls: bool
    ) -> None:
        self._director = director
        self._arrivals = arrivals
        self._fetches = fetches
        self._tls = tls

    def _caller(self, context: Context, *, about: str = "") -> Caller:
        return caller_of(context, tls=self._tls, about=about)

    # ------------------------------------------------------------ for collaborators

    async def GetTasks(
        self, request: aggregator_pb2.GetTasksRequest, context: Context
    ) -> aggregator_pb2.GetTasksResponse:
        async with refusals_as_status(context, COLLABORATOR_CODES):
            assignment = self._director.tasks(
                self._caller(context), runs.address_from(request.header)
            )
            return runs.assignment_message(assignment, request.header)

    async def GetAggregatedTensor(
        self, request: aggregator_pb2.GetAggregatedTensorRequest, context: Context
    ) -> aggregator_pb2.GetAggregatedTensorResponse:
        async with refusals_as_status(context, COLLABORATOR_CODES):
            tensor = self._director.aggregated_tensor(
                self._caller(context),
                runs.address_from(request.header),
                runs.request_from(request),
            )
            self._fetches.note_tensor(context, request.header.sender, len(tensor.content))
            return aggregator_pb2.GetAggregatedTensorResponse(
                header=runs.reply_header(request.header),
                round_number=tensor.round_number,
                tensor=tensor_message(tensor),
            )

    async def SendLocalTaskResults(
        self, request_iterator: AsyncIterator[base_pb2.DataStream], context: Context
    ) -> aggregator_pb2.SendLocalTaskResultsResponse:
        async with refusals_as_status(context, COLLABORATOR_CODES):
            caller = self._caller(context)
            async with self._arrivals.begun(request_iterator) as arrival:
                header = await arrival.header()
                if header is None or not header.sender:
                    await confirm_client(context)
                    # OpenFL's client answers UNAVAILABLE by sending again what is left of its
                    # pieces, which is nothing: only another code makes it begin from the first one.
                    await context.abort(grpc.StatusCode.INVALID_ARGUMENT, _EMPTY)
                answer = aggregator_pb2.SendLocalTaskResultsResponse(
                    header=runs.reply_header(header)
                )
                if not self._director.expects_results(caller, runs.address_from(header)):
                    return answer
                content = await arrival.content(header.sender)
                await confirm_client(context)
                address, result = await runs.report_from(content)
                del content
            await self._director.report_results(caller, address, result)
            return answer

    # ------------------------------------------------------------ for the experiment's owner

    async def GetMetricStream(
        self, request: aggregator_pb2.GetMetricStreamRequest, context: Context
    ) -> AsyncIterator[aggregator_pb2.GetMetricStreamResponse]:
        async with refusals_as_status(context):
            name = ExperimentName(request.experiment_name)
            caller = self._caller(context, about=name)
            async with closing(self._director.metrics(caller, name)) as metrics:
                async for metric in metrics:
                    yield convert.metric_message(metric, aggregator_pb2.GetMetricStreamResponse)

    async def GetTrainedModel(
        self, request: aggregator_pb2.GetTrainedModelRequest, context: Context
    ) -> aggregator_pb2.TrainedModelResponse:
        async with refusals_as_status(context):
            caller = self._caller(context, about=request.experiment_name)
            name = ExperimentName(request.experiment_name)
            load = partial(
                self._director.trained_model, caller, name, convert.kind_from(request.model_type)
            )
            answer = await self._fetches.answer(context, caller.name, load)
            return encoded(answer, aggregator_pb2.TrainedModelResponse)

    async def GetExperimentDescription(
        self, request: aggregator_pb2.GetExperimentDescriptionRequest, context: Context
    ) -> aggregator_pb2.GetExperimentDescriptionResponse:
        async with refusals_as_status(context):
            caller = self._caller(context, about=request.name)
            view = self._director.describe(caller, ExperimentName(request.name))
            return aggregator_pb2.GetExperimentDescriptionResponse(
                experiment=convert.description(view)
            )
