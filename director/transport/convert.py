"""The Director's messages as values of the core, and the core's values as messages."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple, TypeVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from director.core.model import (
    Device,
    EnvoyName,
    ExperimentName,
    Failure,
    Metric,
    ModelKind,
    Shard,
    Task,
)
from director.core.queries import EnvoyView, ExperimentSummary, ExperimentView
from director.core.registry import check_device_count
from director.errors import InvalidRequestError, LimitExceededError
from director.settings import Limits
from protos import aggregator_pb2, base_pb2, director_pb2

MetricMessage = TypeVar(
    "MetricMessage",
    aggregator_pb2.GetMetricStreamResponse,
    director_pb2.GetMetricStreamResponse,
)

_MAX_DIMENSIONS = 1_024
"""Of a shape; more than anybody's data has."""

_KINDS = {0: ModelKind.BEST, 1: ModelKind.LAST}

# ---------------------------------------------------------------- from the wire


def shard_from(message: director_pb2.ShardInfo, limits: Limits) -> Shard:
    """Return what an envoy says of itself, unjudged.

    Raises:
        LimitExceededError: it has so much to say that it is not worth reading.
    """
    return Shard(
        envoy=EnvoyName(message.node_info.name),
        description=message.shard_description,
        n_samples=message.n_samples,
        sample_shape=_shape_from(message.sample_shape),
        target_shape=_shape_from(message.target_shape),
        devices=devices_from(message.node_info.cuda_devices, limits),
    )


def _shape_from(sizes: Sequence[str]) -> tuple[str, ...]:
    if len(sizes) > _MAX_DIMENSIONS:
        raise LimitExceededError(f"a shape may have no more than {_MAX_DIMENSIONS} sizes")
    return tuple(sizes)


def devices_from(
    messages: Sequence[director_pb2.CudaDeviceInfo], limits: Limits
) -> tuple[Device, ...]:
    """Return the accelerators in the order in which the envoy told them.

    Raises:
        LimitExceededError: there are more than a shard may have.
    """
    # Most heartbeats tell of none.
    if not messages:
        return ()
    check_device_count(len(messages), limits.max_devices)
    devices = [
        Device(
            index=message.index,
            memory_total=message.memory_total,
            memory_utilized=message.memory_utilized,
            device_utilization=message.device_utilization,
            cuda_driver_version=message.cuda_driver_version,
            cuda_version=message.cuda_version,
            name=message.name,
        )
        for message in messages
    ]
    return tuple(devices)


def failure_from(request: director_pb2.SetExperimentFailedRequest) -> Failure:
    """Return what broke, where, and how."""
    return Failure(
        experiment=ExperimentName(request.experiment_name),
        collaborator=EnvoyName(request.collaborator_name),
        code=request.error_code,
        description=request.error_description,
    )


def kind_from(number: int) -> ModelKind:
    """Return which model is meant; both services number them alike.

    Raises:
        InvalidRequestError: there is no such model.
    """
    kind = _KINDS.get(number)
    if kind is None:
        raise InvalidRequestError(f"model_type {number} means no model: 0 is the best, 1 the last")
    return kind


# ---------------------------------------------------------------- to the wire


def set_seconds(message: Duration | Timestamp, seconds: float) -> None:
    """Tell a span of time, or a moment since the epoch, to the nanosecond."""
    whole = int(seconds)
    message.seconds = whole
    message.nanos = int((seconds - whole) * 1e9)


@lru_cache(maxsize=1)
def heartbeat_answer(period_s: float) -> director_pb2.UpdateEnvoyStatusResponse:
    """Return how long to wait until the next heartbeat, in a message that nobody may change."""
    response = director_pb2.UpdateEnvoyStatusResponse()
    set_seconds(response.health_check_period, period_s)
    return response


def shard_message(shard: Shard) -> director_pb2.ShardInfo:
    """Return a shard as its envoy sent it."""
    devices = [
        director_pb2.CudaDeviceInfo(
            index=device.index,
            memory_total=device.memory_total,
            memory_utilized=device.memory_utilized,
            device_utilization=device.device_utilization,
            cuda_driver_version=device.cuda_driver_version,
            cuda_version=device.cuda_version,
            name=device.name,
        )
        for device in shard.devices
    ]
    return director_pb2.ShardInfo(
        node_info=director_pb2.NodeInfo(name=shard.envoy, cuda_devices=devices),
        shard_description=shard.description,
        n_samples=shard.n_samples,
        sample_shape=shard.sample_shape,
        target_shape=shard.target_shape,
    )


def list_item(summary: ExperimentSummary) -> director_pb2.ExperimentListItem:
    """Return one line of a list of experiments."""
    return director_pb2.ExperimentListItem(
        name=summary.name,
        status=summary.status.value,
        collaborators_amount=summary.collaborators,
        tasks_amount=summary.tasks,
        progress=summary.progress,
    )


def description(view: ExperimentView) -> base_pb2.ExperimentDescription:
    """Return all there is to tell; why an experiment failed stands among its logs."""
    return base_pb2.ExperimentDescription(
        name=view.name,
        status=view.status.value,
        progress=view.progress,
        total_rounds=view.total_rounds,
        current_round=view.current_round,
        download_statuses=_downloads(view),
        collaborators=[
            base_pb2.CollaboratorDescription(
                name=collaborator.name,
                status=collaborator.status,
                progress=collaborator.progress,
                round=collaborator.round,
                current_task=collaborator.current_task,
                next_task=collaborator.next_task,
            )
            for collaborator in view.collaborators
        ],
        tasks=[_task_description(task) for task in view.tasks],
    )


def _downloads(view: ExperimentView) -> base_pb2.DownloadStatuses:
    """Return which models can be fetched, and what else there is to know.

    A model is `ready`, `pending` while it may still come, or `none` where it never will.  The
    protocol has no field for a reason, and every client shows the logs by name: `reason` tells why
    the experiment ended, `waiting` what it lacks to go on.
    """
    models = (("best", view.has_best_model), ("last", view.has_last_model))
    missing = "none" if view.status.is_terminal else "pending"
    logs = (("reason", view.reason), ("waiting", view.lacking))
    return base_pb2.DownloadStatuses(
        models=[
            base_pb2.DownloadStatus(name=name, status="ready" if is_ready else missing)
            for name, is_ready in models
        ],
        logs=[base_pb2.DownloadStatus(name=name, status=told) for name, told in logs if told],
    )


def _task_description(task: Task) -> base_pb2.TaskDescription:
    where = ", on the collaborator's own model" if task.apply_local else ""
    return base_pb2.TaskDescription(
        name=task.name, description=f"{task.task_type}: calls {task.function_name}{where}"
    )


def metric_message(metric: Metric, message: type[MetricMessage]) -> MetricMessage:
    """Return a metric as the one or the other service sends it."""
    return message(
        metric_origin=metric.origin,
        task_name=metric.task,
        metric_name=metric.name,
        metric_value=metric.value,
        round=metric.round,
    )


# ---------------------------------------------------------------- the list of envoys


class _Shown(NamedTuple):
    """How one envoy looked in the last list that it was in."""

    view: EnvoyView
    constant: bytes
    """What stays the same while it gives signs of life."""
    listed: bytes
    """A list of this envoy alone."""


class EnvoyList:
    """Lists envoys quickly: remembers how each looks on the wire, for as long as it is the same.

    From one request to the next only few give a sign of life, and their shards stay what they are:
    a thousand of those take longer to convert than a thousand envoys take to list.
    """

    def __init__(self) -> None:
        self._known: dict[EnvoyName, _Shown] = {}

    def response(self, views: Sequence[EnvoyView]) -> director_pb2.GetEnvoysResponse:
        """Return the answer to GetEnvoys."""
        # Messages one after the other read as one message: the lists add up.
        return director_pb2.GetEnvoysResponse.FromString(
            b"".join([self._listed(view) for view in views])
        )

    def _listed(self, view: EnvoyView) -> bytes:
        name = view.shard.envoy
        known = self._known.get(name)
        if known is not None and known.view is view:
            return known.listed
        constant = _constant_part(view, known)
        info = director_pb2.EnvoyInfo.FromString(constant)
        info.is_online = view.is_online
        info.is_experiment_running = view.is_experiment_running
        info.experiment_name = view.experiment or ""
        set_seconds(info.last_updated, view.seen_at)
        listed = director_pb2.GetEnvoysResponse(envoy_infos=[info]).SerializeToString()
        self._known[name] = _Shown(view, constant, listed)
        return listed


def _constant_part(view: EnvoyView, known: _Shown | None) -> bytes:
    if known is not None and known.view.valid_s == view.valid_s:
        shard = known.view.shard
        if shard is view.shard or shard == view.shard:
            return known.constant
    info = director_pb2.EnvoyInfo(shard_info=shard_message(view.shard))
    set_seconds(info.valid_duration, view.valid_s)
    return info.SerializeToString()
