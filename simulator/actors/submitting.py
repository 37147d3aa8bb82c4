"""How a frontend submits: it drafts, uploads, and finds out what became of an upload in doubt."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

import grpc

from simulator.actors.frontend_client import FrontendClient
from simulator.actors.hands import Hands
from simulator.actors.profile import Profile
from simulator.actors.recording import CallError
from simulator.actors.steps import Recipients
from simulator.actors.tensors import model_proto
from simulator.actors.training import first_model
from simulator.actors.uploads import Draft, Upload
from simulator.actors.workspace import Recipe, archive

ACCEPTED = grpc.StatusCode.OK.name
NOT_ACCEPTED = "NOT_ACCEPTED"
"""The Director answered, and the answer was no."""

_IN_DOUBT = frozenset({grpc.StatusCode.UNAVAILABLE.name, grpc.StatusCode.DEADLINE_EXCEEDED.name})
_TAKEN = grpc.StatusCode.ALREADY_EXISTS.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """Who is to take part in an experiment."""

    envoys: tuple[str, ...]
    rounds: int
    """How long it lasts, where the experiment does not say."""


Audiences = Callable[[Recipients], Audience]
"""Finds those whom a scenario's `to:` means."""


def draft(
    experiment: str,
    collaborators: Sequence[str],
    *,
    recipe: Recipe,
    chunk_bytes: int,
    random: Random,
) -> Draft:
    """Return a whole and runnable experiment."""
    return Draft(
        experiment=experiment,
        collaborators=tuple(collaborators),
        content=archive(recipe, random),
        model=model_proto(first_model(random)),
        rounds=recipe.rounds,
        chunk_bytes=chunk_bytes,
    )


async def submitted_once(client: FrontendClient, upload: Upload) -> str:
    """Upload, and return ACCEPTED, NOT_ACCEPTED, or the code of the error that it came to."""
    try:
        is_accepted = await client.submit(upload)
    except CallError as error:
        return error.code.name
    return ACCEPTED if is_accepted else NOT_ACCEPTED


@dataclass(frozen=True, slots=True)
class Submitter:
    """Uploads with the patience of a profile, and never again what was accepted."""

    client: FrontendClient
    profile: Profile
    hands: Hands

    async def submit(self, upload: Upload) -> str:
        """Return ACCEPTED, NOT_ACCEPTED, or the code of the error that it came to."""
        code = ""
        for attempt in range(self.profile.attempts):
            try:
                is_accepted = await self.client.submit(upload)
            except CallError as error:
                code = error.code.name
                if error.is_refusal and not (attempt and code == _TAKEN):
                    return code
            else:
                return ACCEPTED if is_accepted else NOT_ACCEPTED
            # It may have been accepted although no answer came; then the name is ours.
            if await self.is_mine(upload.experiment):
                return ACCEPTED
            if code == _TAKEN:
                return code
            await self._pause(attempt)
        return code

    async def submit_once(self, upload: Upload) -> str:
        """Upload but once; an upload in doubt is asked about, so that the record can tell."""
        code = await submitted_once(self.client, upload)
        if code in _IN_DOUBT and await self.is_mine(upload.experiment):
            return ACCEPTED
        return code

    async def is_mine(self, experiment: str) -> bool:
        """Whether the Director knows it as ours; False where no answer is to be had."""
        for attempt in range(self.profile.attempts):
            try:
                return bool(await self.client.status(experiment))
            except CallError as error:
                if error.is_refusal:
                    return False
            await self._pause(attempt)
        return False

    async def _pause(self, attempt: int) -> None:
        await self.hands.sleep(self.profile.retry.draw(attempt, self.hands.random))
