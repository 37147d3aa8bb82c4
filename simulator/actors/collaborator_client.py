"""The aggregator's RPCs for collaborators, each call recorded."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from protos import aggregator_pb2 as pb, aggregator_pb2_grpc, base_pb2
from simulator.actors.caller import Caller
from simulator.actors.tensors import decoded, shown, shown_all
from simulator.actors.uploads import cut
from simulator.history.entry import Json, JsonObject

# OpenFL cuts results in pieces of 2 MiB.
_PIECE_BYTES = 2 * 2**20


class WrongReplyError(Exception):
    """An answer was addressed to somebody else, or came from somebody else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """One collaborator's part in one run."""

    experiment: str
    name: str
    federation: str
    aggregator: str

    def header(self) -> pb.MessageHeader:
        """Address a request."""
        return pb.MessageHeader(
            sender=self.name, receiver=self.aggregator, federation_uuid=self.federation
        )

    def check(self, reply: pb.MessageHeader) -> None:
        """Raise WrongReplyError where an answer's header is not the request's, turned round."""
        expected = pb.MessageHeader(
            sender=self.aggregator, receiver=self.name, federation_uuid=self.federation
        )
        if reply != expected:
            raise WrongReplyError(f"the answer has the header {reply!r}, not {expected!r}")

    def told(self) -> JsonObject:
        """Tell it in the history."""
        return {"experiment": self.experiment, "name": self.name, "federation": self.federation}


class CollaboratorClient:
    """Calls the aggregator as one collaborator of one run does.

    Each raises CallError where it brings no answer, and WrongReplyError where that is not ours.
    """

    def __init__(self, caller: Caller, membership: Membership) -> None:
        self._caller = caller
        self._record = caller.recording
        self._deadline_s = caller.profile.aggregator_deadline_s
        self._us = membership
        self._stub = cast(
            "aggregator_pb2_grpc.AggregatorAsyncStub",
            aggregator_pb2_grpc.AggregatorStub(caller.channel),
        )

    async def tasks(self) -> pb.GetTasksResponse:
        """Ask what there is to do."""
        request = pb.GetTasksRequest(header=self._us.header())
        answer = await self._record.unary(
            "GetTasks",
            self._us.told(),
            lambda: self._stub.GetTasks(
                request, timeout=self._deadline_s, metadata=self._caller.metadata
            ),
            _told_tasks,
        )
        self._us.check(answer.header)
        return answer

    async def tensor(
        self, name: str, *, round_number: int, tags: Sequence[str]
    ) -> base_pb2.NamedTensor:
        """Fetch one tensor of a round."""
        request = pb.GetAggregatedTensorRequest(
            header=self._us.header(),
            tensor_name=name,
            round_number=round_number,
            tags=tags,
            require_lossless=True,
        )
        asked: JsonObject = {"tensor": name, "round": round_number, "tags": list(tags)}
        answer = await self._record.unary(
            "GetAggregatedTensor",
            {**self._us.told(), **asked},
            lambda: self._stub.GetAggregatedTensor(
                request, timeout=self._deadline_s, metadata=self._caller.metadata
            ),
            _told_tensor,
        )
        self._us.check(answer.header)
        return answer.tensor

    async def report(
        self,
        task: str,
        *,
        round_number: int,
        data_size: int,
        tensors: Iterable[base_pb2.NamedTensor],
    ) -> None:
        """Send what came of a task."""
        results = pb.TaskResults(
            header=self._us.header(),
            round_number=round_number,
            task_name=task,
            data_size=data_size,
            tensors=tensors,
        )
        pieces = [
            base_pb2.DataStream(size=len(piece), npbytes=piece)
            for piece in cut(results.SerializeToString(deterministic=True), _PIECE_BYTES)
        ]
        await self._send(pieces, _told_results(results))

    async def report_leftovers(self, task: str, *, round_number: int) -> None:
        """Send what is left of the pieces of a task's results once they have been sent: nothing."""
        nothing = pb.TaskResults(round_number=round_number, task_name=task)
        await self._send([], {**_told_results(nothing), "pieces": 0})

    async def _send(self, pieces: Sequence[base_pb2.DataStream], told: JsonObject) -> None:
        answer = await self._record.unary(
            "SendLocalTaskResults",
            {**self._us.told(), **told},
            lambda: self._stub.SendLocalTaskResults(
                iter(pieces), timeout=self._deadline_s, metadata=self._caller.metadata
            ),
            lambda _: {},
        )
        self._us.check(answer.header)


def _told_tasks(answer: pb.GetTasksResponse) -> JsonObject:
    return {
        "round": answer.round_number,
        "tasks": [task.name for task in answer.tasks],
        "sleep_s": answer.sleep_time,
        "quit": answer.quit,
    }


def _told_tensor(answer: pb.GetAggregatedTensorResponse) -> JsonObject:
    return {
        "tensor": shown(answer.tensor),
        "tags": list(answer.tensor.tags),
        "round": answer.round_number,
    }


def _told_results(results: pb.TaskResults) -> JsonObject:
    metrics: dict[str, list[Json]] = {
        tensor.name: [float(decoded(tensor)), *tensor.tags]
        for tensor in results.tensors
        if tensor.report
    }
    return {
        "round": results.round_number,
        "task": results.task_name,
        "data_size": results.data_size,
        "tensors": shown_all(tensor for tensor in results.tensors if not tensor.report),
        "metrics": metrics,
    }
