"""An envoy's part in one run: it fetches the model, trains, validates and reports."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import grpc
import numpy as np

from protos import aggregator_pb2 as pb, base_pb2
from simulator.actors.collaborator_client import CollaboratorClient, WrongReplyError
from simulator.actors.hands import Hands
from simulator.actors.plan import PlannedTask
from simulator.actors.profile import Profile
from simulator.actors.recording import CallError
from simulator.actors.tensors import Model, TensorError, decoded, encoded
from simulator.actors.training import LOSS, SCORE, TENSORS, Learner

_Answer = TypeVar("_Answer")


class TrainingError(Exception):
    """The training broke on this envoy, as training does now and then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How one run goes on one envoy."""

    round_s: float
    """How long one round's training takes."""
    breaks_in: int | None = None
    """The round in which it breaks, where it does."""


@dataclass(slots=True)
class _Round:
    number: int
    model: Model
    trained: Model | None = None


class Collaborator:
    """One envoy in one run."""

    def __init__(
        self,
        client: CollaboratorClient,
        learner: Learner,
        *,
        experiment: str,
        planned: Mapping[str, PlannedTask],
        profile: Profile,
        pace: Pace,
        hands: Hands,
    ) -> None:
        """`planned` tells of tasks of which the aggregator tells no more than the name."""
        self._client = client
        self._learner = learner
        self._experiment = experiment
        self._planned = planned
        self._profile = profile
        self._pace = pace
        self._hands = hands
        self._round: _Round | None = None

    async def run(self) -> None:
        """Take part until told to quit.

        Raises:
            CallError: the aggregator will not have us.
            WrongReplyError: somebody answers who is not our aggregator.
            TrainingError: the training broke.
        """
        while not (answer := await self._patiently(self._client.tasks)).quit:
            if answer.sleep_time > 0 or not answer.tasks:
                await self._hands.sleep(answer.sleep_time or self._profile.idle_s)
                continue
            current = await self._enter(answer.round_number)
            for task in answer.tasks:
                await self._do(task, current)

    async def _enter(self, number: int) -> _Round:
        """Return the round with its model, fetched once."""
        if self._round is None or self._round.number != number:
            self._hands.note("round.started", self._told(number))
            self._round = _Round(number=number, model=await self._model(number))
        return self._round

    async def _model(self, number: int) -> Model:
        model = {}
        for name, shape in TENSORS.items():
            fetch = partial(self._client.tensor, name, round_number=number, tags=["model"])
            tensor = await self._patiently(fetch)
            try:
                model[name] = decoded(tensor).reshape(shape)
            except (TensorError, ValueError) as error:
                raise WrongReplyError(f"the model of round {number}: {error}") from error
        return model

    async def _do(self, task: pb.Task, current: _Round) -> None:
        meant = self._meant(task)
        if meant.trains:
            trained, loss = await self._train(task.name, current)
            tensors = [
                encoded(name, values, tags=["compressed", "trained"], round_number=current.number)
                for name, values in trained.items()
            ]
            tensors.append(_metric(LOSS, loss, "trained", current.number))
            size = self._learner.train_size
        elif meant.applies_local:
            # A collaborator that died in mid-round has lost what it had trained.
            model = current.trained or (await self._train(task.name, current))[0]
            score = self._learner.score(model)
            tensors = [_metric(SCORE, score, "validate_local", current.number)]
            size = self._learner.validation_size
        else:
            score = self._learner.score(current.model)
            tensors = [_metric(SCORE, score, "validate_agg", current.number)]
            size = self._learner.validation_size
        report = partial(
            self._client.report,
            task.name,
            round_number=current.number,
            data_size=size,
            tensors=tensors,
        )
        leftovers = partial(self._client.report_leftovers, task.name, round_number=current.number)
        await self._patiently(
            report, after_an_outage=leftovers if self._profile.resends_leftovers else report
        )

    def _meant(self, task: pb.Task) -> PlannedTask:
        """Return what a task is; OpenFL's aggregator leaves it to the plan where that has tasks."""
        told = PlannedTask(trains=task.task_type == "train", applies_local=task.apply_local)
        return told if task.task_type else self._planned.get(task.name, told)

    async def _train(self, task: str, current: _Round) -> tuple[Model, float]:
        told = {**self._told(current.number), "task": task}
        self._hands.note("training.started", told)
        await self._hands.sleep(self._pace.round_s)
        if self._pace.breaks_in == current.number:
            raise TrainingError(f"the training broke in round {current.number}")
        current.trained, loss = self._learner.train(current.model)
        self._hands.note("training.done", told)
        return current.trained, loss

    async def _patiently(
        self,
        call: Callable[[], Awaitable[_Answer]],
        *,
        after_an_outage: Callable[[], Awaitable[_Answer]] | None = None,
    ) -> _Answer:
        """Make a call until it brings an answer; only UNAUTHENTICATED makes OpenFL's stop.

        `after_an_outage`: what is called then instead, until another answer than that comes.
        """
        attempt = 0
        following = call
        while True:
            try:
                return await following()
            except CallError as error:
                if error.code is grpc.StatusCode.UNAUTHENTICATED:
                    raise
                is_outage = error.code is grpc.StatusCode.UNAVAILABLE
            following = (after_an_outage or call) if is_outage else call
            await self._hands.sleep(self._profile.retry.draw(attempt, self._hands.random))
            attempt += 1

    def _told(self, number: int) -> dict[str, str | int]:
        return {"experiment": self._experiment, "round": number}


def _metric(name: str, value: float, origin: str, number: int) -> base_pb2.NamedTensor:
    return encoded(
        name,
        np.array(value, dtype=np.float32),
        tags=["compressed", "metric", origin],
        round_number=number,
        report=True,
    )
