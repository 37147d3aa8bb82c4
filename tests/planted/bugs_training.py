"""Bugs in what comes of the training: metrics, their streams, and models."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import grpc
import grpc.aio
import numpy as np

from director import Director, DirectorGRPCServer
from director.core.model import (
    Caller,
    EncodedTensor,
    ExperimentName,
    Metric,
    Model,
    ModelKind,
    TaskResult,
    TensorRequest,
)
from director.interface import RunAddress
from director.transport.aggregator_server import AggregatorServicer
from director.transport.status import Context
from protos import aggregator_pb2, aggregator_pb2_grpc, base_pb2
from tests.planted.planting import Planted, regression

_RESENT = regression("results_resent_as_nothing")
_ENDED = regression("models_and_streams_of_the_ended")

# ---------------------------------------------------------------- metrics


class FollowersShareAQueue(Director):
    """The reference's: what one follower has read, no other sees."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._taken: dict[ExperimentName, int] = {}

    async def metrics(
        self, caller: Caller, experiment: ExperimentName
    ) -> AsyncGenerator[Metric, None]:
        place = 0
        async for metric in super().metrics(caller, experiment):
            place += 1
            if place > self._taken.get(experiment, 0):
                self._taken[experiment] = place
                yield metric


class FollowersMissThePast(Director):
    """Who comes back sees what has been measured since, and not what came before."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._furthest: dict[ExperimentName, int] = {}

    async def metrics(
        self, caller: Caller, experiment: ExperimentName
    ) -> AsyncGenerator[Metric, None]:
        begin, place = self._furthest.get(experiment, 0), 0
        async for metric in super().metrics(caller, experiment):
            place += 1
            self._furthest[experiment] = max(place, self._furthest.get(experiment, 0))
            if place > begin:
                yield metric


class StreamsStayOpen(Director):
    """The reference's: whoever follows the metrics of what is over is never told that it is."""

    async def metrics(
        self, caller: Caller, experiment: ExperimentName
    ) -> AsyncGenerator[Metric, None]:
        async for metric in super().metrics(caller, experiment):
            yield metric
        await asyncio.Event().wait()


# ---------------------------------------------------------------- results


class _Hopeful(AggregatorServicer):
    """Takes an empty stream for one that was lost on its way."""

    async def SendLocalTaskResults(  # noqa: N802 - the protocol's name
        self, request_iterator: AsyncIterator[base_pb2.DataStream], context: Context
    ) -> aggregator_pb2.SendLocalTaskResultsResponse:
        pieces = [piece async for piece in request_iterator]
        if not pieces:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "these results were lost")
        return await super().SendLocalTaskResults(_again(pieces), context)


async def _again(
    pieces: Sequence[base_pb2.DataStream],
) -> AsyncGenerator[base_pb2.DataStream, None]:
    for piece in pieces:
        yield piece


class NothingIsSentAgain(DirectorGRPCServer):
    """Whose results were lost is told to send again what is left of them, for ever."""

    def _register_aggregators(self, server: grpc.aio.Server) -> None:
        servicer = _Hopeful(self.director, self._arrivals, self._fetches, tls=self.tls)
        aggregator_pb2_grpc.add_AggregatorServicer_to_server(servicer, server)


# ---------------------------------------------------------------- models


class EverybodyWeighsTheSame(Director):
    """Who has ten times the data counts no more than the others."""

    async def report_results(self, caller: Caller, address: RunAddress, result: TaskResult) -> None:
        await super().report_results(caller, address, replace(result, data_size=1))


class ModelsLagBehind(Director):
    """Collaborators are given the model of the round before."""

    def aggregated_tensor(
        self, caller: Caller, address: RunAddress, request: TensorRequest
    ) -> EncodedTensor:
        earlier = replace(request, round=max(0, request.round - 1))
        return super().aggregated_tensor(caller, address, earlier)


class BestIsLast(Director):
    """The best model is taken to be the one that was made last."""

    async def trained_model(
        self, caller: Caller, experiment: ExperimentName, kind: ModelKind
    ) -> Model:
        del kind
        return await super().trained_model(caller, experiment, ModelKind.LAST)


class ModelsAreRounded(Director):
    """Models are kept in half precision, as that saves so much."""

    async def trained_model(
        self, caller: Caller, experiment: ExperimentName, kind: ModelKind
    ) -> Model:
        model = await super().trained_model(caller, experiment, kind)
        return {
            name: np.asarray(value.astype(np.float16), np.float32) for name, value in model.items()
        }


class ModelsAreThereTooEarly(Director):
    """Before the first round has closed, a model of zeros is better than none."""

    async def trained_model(
        self, caller: Caller, experiment: ExperimentName, kind: ModelKind
    ) -> Model:
        model = await super().trained_model(caller, experiment, kind)
        return model or {"bias": np.zeros(1, np.float32)}


BUGS = (
    Planted(bug=NothingIsSentAgain, breaks="experiments-end", scenario=_RESENT),
    Planted(bug=FollowersShareAQueue, breaks="metrics", scenario=regression("two_followers")),
    Planted(bug=FollowersMissThePast, breaks="metrics", scenario=regression("two_followers")),
    Planted(bug=EverybodyWeighsTheSame, breaks="metrics", scenario="scenarios/lifecycle"),
    Planted(bug=EverybodyWeighsTheSame, breaks="model", scenario="scenarios/lifecycle"),
    Planted(bug=ModelsLagBehind, breaks="model", scenario="scenarios/lifecycle"),
    Planted(bug=BestIsLast, breaks="model", scenario="scenarios/lifecycle"),
    Planted(bug=ModelsAreRounded, breaks="model", scenario="scenarios/lifecycle"),
    Planted(bug=ModelsAreThereTooEarly, breaks="model", scenario=_ENDED),
    Planted(bug=StreamsStayOpen, breaks="streams-end", scenario=_ENDED),
)
