"""A simulated frontend: it does a scenario's steps in order, and watches over its experiments."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TypeVar, assert_never

import grpc

from simulator.actors import steps
from simulator.actors.actor import ActorBase, Person
from simulator.actors.audits import Audit
from simulator.actors.frontend_client import FrontendClient
from simulator.actors.misuploads import misuploads
from simulator.actors.prying import pried
from simulator.actors.recording import CallError
from simulator.actors.submitting import (
    ACCEPTED,
    Audiences,
    Submitter,
    draft,
    submitted_once,
)
from simulator.actors.uploads import Draft, Upload, whole
from simulator.actors.watching import Watch
from simulator.actors.workspace import Recipe
from simulator.world import World

_Answer = TypeVar("_Answer")
_DAMAGED = grpc.StatusCode.INVALID_ARGUMENT.name
_TAKEN = grpc.StatusCode.ALREADY_EXISTS.name


class Frontend(ActorBase):
    """One user of the federation."""

    def __init__(
        self,
        world: World,
        person: Person,
        *,
        do: Sequence[steps.Step],
        audiences: Audiences,
        watch_every_s: float = 1.0,
    ) -> None:
        super().__init__(world, person)
        self._steps = tuple(do)
        self._audiences = audiences
        self._watch_every_s = watch_every_s
        self._chance = self._random("retries")
        self._is_done = False

    @property
    def is_done(self) -> bool:
        """Whether its steps are behind it."""
        return self._is_done

    async def _live(self) -> None:
        self._is_done = False
        client = FrontendClient(self._caller())
        watch = Watch(client, self._hands())
        self._spawn(watch.run(self._watch_every_s))
        hands = replace(self._hands(), random=self._random("audits"))
        self._spawn(Audit(client, watch, hands, self._world.on_event).run())
        for step in self._steps:
            await self._do(step, client, watch)
        self._is_done = True

    async def _do(self, step: steps.Step, client: FrontendClient, watch: Watch) -> None:
        match step:
            case steps.SubmitStep(submit=what):
                await self._submit(what, client, watch)
            case steps.FollowMetricsStep(follow_metrics=what):
                await self._follow_all(what, client)
            case steps.FetchModelStep(fetch_model=what):
                await self._patiently(partial(client.model, what.experiment, what.which))
            case steps.ExpectDeniedStep(expect_denied=what):
                await self._expect_denied(what, client)
            case steps.ListStep():
                await self._patiently(client.experiments)
            case steps.DescribeStep(describe=what):
                await self._patiently(partial(client.describe, what.experiment))
            case steps.StatusStep(status=what):
                await self._patiently(partial(client.status, what.experiment))
            case steps.RemoveStep(remove=what):
                await self._remove(what.experiment, client, watch)
            case steps.AwaitEndStep(await_end=what):
                await self._await_end(what, watch)
            case steps.SleepStep(sleep=seconds):
                await self._sleep(seconds)
            case steps.MisuploadStep(misupload=what):
                await self._misupload(what, client)
            case _:
                assert_never(step)

    # ------------------------------------------------------------ uploading

    async def _submit(self, what: steps.Submit, client: FrontendClient, watch: Watch) -> None:
        # OpenFL's frontends look who is there before they upload.
        await self._patiently(client.dataset)
        await self._patiently(client.envoys)
        upload = whole(self._drafted(what, what.rounds)[0])
        submitter = Submitter(client, self._person.profile, self._hands())
        code = await self._uploaded(upload, submitter)
        for _ in range(what.resubmit):
            if code == _DAMAGED:
                code = await self._uploaded(upload, submitter)
        # Who begins again after a crash finds the name taken, and by itself.
        if code == ACCEPTED or (code == _TAKEN and await submitter.is_mine(what.experiment)):
            watch.add(what.experiment)

    async def _uploaded(self, upload: Upload, submitter: Submitter) -> str:
        code = await submitter.submit(upload)
        self._note_outcome(upload, code)
        return code

    async def _misupload(self, what: steps.Misupload, client: FrontendClient) -> None:
        good, recipe = self._drafted(what, None)
        random = self._random(f"misuploads/{what.experiment}")
        for upload in misuploads(what.mode, good, recipe, random):
            self._note_outcome(upload, await submitted_once(client, upload))

    def _drafted(
        self, what: steps.Submit | steps.Misupload, rounds: int | None
    ) -> tuple[Draft, Recipe]:
        audience = self._audiences(what.to)
        recipe = Recipe(
            rounds=rounds or audience.rounds,
            host=self._person.director.rpartition(":")[0],
            tls=self._person.credentials is not None,
            size_bytes=what.archive,
        )
        good = draft(
            what.experiment,
            audience.envoys,
            recipe=recipe,
            chunk_bytes=what.chunk,
            random=self._random(f"experiments/{what.experiment}"),
        )
        return good, recipe

    def _note_outcome(self, upload: Upload, code: str) -> None:
        topic = "experiment.accepted" if code == ACCEPTED else "experiment.refused"
        self._note(topic, {"experiment": upload.experiment, "code": code})

    # ------------------------------------------------------------ following and waiting

    async def _follow_all(self, what: steps.FollowMetrics, client: FrontendClient) -> None:
        followers = (self._follow(what, client) for _ in range(what.followers))
        await asyncio.gather(*followers)

    async def _follow(self, what: steps.FollowMetrics, client: FrontendClient) -> None:
        leave_after = what.leave_after
        attempt = 0
        while True:
            try:
                await client.follow(what.experiment, leave_after=leave_after)
            except CallError as error:
                if error.is_refusal or not what.reconnect:
                    return
            else:
                return
            leave_after = None
            await self._sleep(self._person.profile.retry.draw(attempt, self._chance))
            attempt += 1

    async def _await_end(self, what: steps.AwaitEnd, watch: Watch) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(what.within):
                await watch.ended(what.experiment)

    # ------------------------------------------------------------ asking

    async def _remove(self, experiment: str, client: FrontendClient, watch: Watch) -> None:
        if await self._patiently(partial(client.remove, experiment)):
            watch.removed(experiment)

    async def _expect_denied(self, what: steps.ExpectDenied, client: FrontendClient) -> None:
        code = await pried(client, what.rpc, what.experiment)
        told = {"rpc": what.rpc, "experiment": what.experiment, "code": code}
        self._note("expect_denied", told)

    async def _patiently(self, call: Callable[[], Awaitable[_Answer]]) -> _Answer | None:
        """Make a call as often as the profile has patience; None where it came to nothing."""
        profile = self._person.profile
        for attempt in range(profile.attempts):
            try:
                return await call()
            except CallError as error:
                if error.is_refusal:
                    return None
            await self._sleep(profile.retry.draw(attempt, self._chance))
        return None
