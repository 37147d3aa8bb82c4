"""An attacker: it comes in, does one bad thing, and leaves.

Everything it does is recorded under its own name, whomever it claims to be.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import assert_never

from simulator.actors.actor import ActorBase, Person
from simulator.actors.caller import client_id
from simulator.actors.frontend_client import FrontendClient
from simulator.actors.intrusions import impersonate, knock, pry, slander
from simulator.actors.misuploads import misuploads
from simulator.actors.recording import CallError
from simulator.actors.submitting import ACCEPTED, Submitter, draft
from simulator.actors.uploads import Upload, whole
from simulator.actors.workspace import Recipe
from simulator.pki import Pki
from simulator.world import (
    Attack,
    BadCertificate,
    Impersonate,
    Knock,
    Misupload,
    Pry,
    Slander,
    Upload as Submit,
    World,
)

# Nobody is owed patience here, and a server that answers at all answers soon.
_DEADLINE_S = 3.0
# Whoever asks envoys that do not exist to take part is refused for another reason than meant.
_NOBODY = ("nobody",)
_MISUPLOAD_BYTES = 16 * 2**10
_MISUPLOAD_CHUNK_BYTES = 4 * 2**10


class Attacker(ActorBase):
    """Somebody who is there for one attack."""

    def __init__(
        self,
        world: World,
        person: Person,
        attack: Attack,
        *,
        pki: Pki | None = None,
        experiments: Sequence[str] = (),
    ) -> None:
        """`experiments` are those whose names it has heard of; `pki` makes it bad certificates."""
        hasty = replace(
            person.profile,
            unary_deadline_s=_DEADLINE_S,
            aggregator_deadline_s=_DEADLINE_S,
            transfer_deadline_s=_DEADLINE_S,
        )
        super().__init__(world, replace(person, profile=hasty))
        self._attack = attack
        self._pki = pki
        self._experiments = tuple(experiments)
        self._is_over = asyncio.Event()

    async def perform(self) -> None:
        """Come, do it, and leave."""
        self._is_over.clear()
        await self.start()
        try:
            await self._is_over.wait()
        finally:
            await self.stop()

    async def _live(self) -> None:
        try:
            await self._act(self._attack)
        finally:
            self._is_over.set()

    async def _act(self, attack: Attack) -> None:
        match attack:
            case Submit():
                await self._submit(attack)
            case Misupload():
                await self._misupload(attack)
            case Knock():
                await self._knock(attack.certificate)
            case Impersonate():
                await self._impersonate(attack.victim)
            case Pry():
                await pry(self._caller(), attack.experiments)
            case Slander():
                await slander(self._caller(), self.id, attack.experiments)
            case _:
                assert_never(attack)

    # ------------------------------------------------------------ uploads

    async def _submit(self, attack: Submit) -> None:
        client = FrontendClient(self._caller())
        recipe = self._recipe(attack.size_bytes)
        good = draft(
            attack.experiment,
            await self._victims(client),
            recipe=recipe,
            chunk_bytes=attack.chunk_bytes,
            random=self._random(f"experiments/{attack.experiment}"),
        )
        await self._send(client, whole(good))

    async def _misupload(self, attack: Misupload) -> None:
        client = FrontendClient(self._caller())
        recipe = self._recipe(_MISUPLOAD_BYTES)
        random = self._random(f"experiments/{attack.experiment}")
        good = draft(
            attack.experiment,
            await self._victims(client),
            recipe=recipe,
            chunk_bytes=_MISUPLOAD_CHUNK_BYTES,
            random=random,
        )
        for upload in misuploads(attack.mode, good, recipe, random):
            await self._send(client, upload)

    def _recipe(self, size_bytes: int) -> Recipe:
        host = self._person.director.rpartition(":")[0]
        is_secure = self._person.credentials is not None
        return Recipe(rounds=1, host=host, tls=is_secure, size_bytes=size_bytes)

    async def _victims(self, client: FrontendClient) -> tuple[str, ...]:
        """Return everybody who could be harmed."""
        try:
            return await client.envoys() or _NOBODY
        except CallError:
            return _NOBODY

    async def _send(self, client: FrontendClient, upload: Upload) -> None:
        submitter = Submitter(client, self._person.profile, self._hands())
        code = await submitter.submit_once(upload)
        topic = "experiment.accepted" if code == ACCEPTED else "experiment.refused"
        self._note(topic, {"experiment": upload.experiment, "code": code})

    # ------------------------------------------------------------ identity

    async def _knock(self, kind: BadCertificate) -> None:
        assert self._pki is not None, "there are no certificates in a plaintext run"
        if kind in {BadCertificate.MISSING, BadCertificate.NO_COMMON_NAME}:
            self._recording.identity = ""
        channel = self._channel(self._pki.bad(kind, self.id))
        caller = replace(self._caller(), channel=channel)
        await knock(caller, self.id, self._random("experiments/knock"))

    async def _impersonate(self, victim: str) -> None:
        if self._person.credentials is None:
            # In plaintext one is who one says.
            self._recording.identity = victim
        caller = replace(self._caller(), metadata=client_id(victim))
        await impersonate(caller, victim, self._experiments)
