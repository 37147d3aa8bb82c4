"""The Aggregator's messages as values of the core, and the core's values as messages."""

from director.core.model import (
    Assignment,
    EnvoyName,
    Idle,
    Quit,
    TaskResult,
    TensorRequest,
    Work,
)
from director.interface import RunAddress
from director.transport.parts import check_parts
from director.transport.tensors import tensors_from
from protos import aggregator_pb2


def address_from(header: aggregator_pb2.MessageHeader) -> RunAddress:
    """Return who speaks, to which run."""
    return RunAddress(
        sender=EnvoyName(header.sender),
        receiver=header.receiver,
        federation=header.federation_uuid,
    )


def reply_header(header: aggregator_pb2.MessageHeader) -> aggregator_pb2.MessageHeader:
    """Return the header of an answer: the other way round, else the same."""
    return aggregator_pb2.MessageHeader(
        sender=header.receiver,
        receiver=header.sender,
        federation_uuid=header.federation_uuid,
        single_col_cert_common_name=header.single_col_cert_common_name,
    )


def request_from(request: aggregator_pb2.GetAggregatedTensorRequest) -> TensorRequest:
    """Return which tensor is asked for."""
    return TensorRequest(
        name=request.tensor_name,
        round=request.round_number,
        tags=tuple(request.tags),
        report=request.report,
        require_lossless=request.require_lossless,
    )


async def report_from(content: bytes) -> tuple[RunAddress, TaskResult]:
    """Return what a collaborator made of a task, and for which run.

    Raises:
        DecodeError: this is not what they are sent as.
        LimitExceededError: it would become much more than it is.
    """
    await check_parts(content, aggregator_pb2.TaskResults.DESCRIPTOR)
    results = aggregator_pb2.TaskResults.FromString(content)
    return address_from(results.header), TaskResult(
        collaborator=EnvoyName(results.header.sender),
        round=results.round_number,
        task=results.task_name,
        data_size=results.data_size,
        tensors=tensors_from(results.tensors),
    )


def assignment_message(
    assignment: Assignment, header: aggregator_pb2.MessageHeader
) -> aggregator_pb2.GetTasksResponse:
    """Return what to do next, addressed to the one who asked."""
    response = aggregator_pb2.GetTasksResponse(
        header=reply_header(header), round_number=assignment.round
    )
    match assignment:
        case Work(tasks=tasks):
            response.tasks.extend(
                aggregator_pb2.Task(
                    name=task.name,
                    function_name=task.function_name,
                    task_type=task.task_type,
                    apply_local=task.apply_local,
                )
                for task in tasks
            )
        case Idle(sleep_s=sleep_s):
            response.sleep_time = sleep_s
        case Quit():
            response.quit = True
    return response
