"""Which envoy is told of which experiment, on which of its long polls, and when again.

An experiment is handed out on the newest long poll of every connection of an envoy, as any of
them may be half-open, and again whenever the envoy asks, until it has fetched the archive.
After that it is handed out anew only in a later epoch, as the envoy may have lost it; or once a
heartbeat period where it never asks for tasks, as the archive may have been lost on its way.
"""

from dataclasses import dataclass

from director.core.effects import Deliver, Effect, EndWait
from director.core.events import (
    ArchiveFetched,
    CollaboratorCalled,
    CollaboratorDismissed,
    WaitOpened,
)
from director.core.experiments import Catalogue, Experiment, Part
from director.core.model import EnvoyName, ExperimentId
from director.core.registry import Envoy, Registry, Wait


@dataclass(frozen=True, slots=True)
class Deliveries:
    """Brings envoys and experiments together; keeps nothing itself."""

    _registry: Registry
    _catalogue: Catalogue

    def answer(self, event: WaitOpened, now: float) -> tuple[Effect, ...]:
        """Answer a long poll at once where something is due, else park it."""
        envoy = self._registry.get(event.envoy)
        wait = self._registry.arrive(envoy, event.wait, event.connection, now)
        delivery = self._hand_out(envoy, wait, now)
        if delivery is not None:
            return (delivery,)
        displaced = self._registry.park(envoy, wait)
        return () if displaced is None else (EndWait(wait=displaced),)

    def announce(self, experiment: Experiment, now: float) -> tuple[Effect, ...]:
        """Tell everybody who waits of an experiment that has just started."""
        return tuple(
            delivery
            for collaborator in experiment.parts
            if (envoy := self._registry.find(collaborator)) is not None
            for wait in envoy.newest_waits()
            if (delivery := self._hand_out(envoy, wait, now)) is not None
        )

    def _hand_out(self, envoy: Envoy, wait: Wait, now: float) -> Deliver | None:
        experiment = self._catalogue.due_to(envoy.name, wait.epoch, now)
        if experiment is None:
            return None
        self._registry.unpark(wait.id)
        part = experiment.parts[envoy.name]
        part.handed_epoch = max(part.handed_epoch, wait.epoch)
        part.is_told = True
        envoy.experiment = experiment.id
        return Deliver(wait=wait.id, experiment=experiment.name)

    def note_call(self, event: CollaboratorCalled, now: float) -> None:
        """Whoever speaks to its aggregator lives, and has what was handed to it."""
        envoy = self._registry.find(event.collaborator)
        if envoy is not None:
            envoy.touch(now)
        part = self._part(event.experiment, event.collaborator)
        if part is not None:
            part.joined_epoch = max(part.joined_epoch, part.handed_epoch)
            part.is_told = True

    def note_fetched(self, event: ArchiveFetched, now: float) -> None:
        """Hand the experiment out no more for a while in the epoch of this connection."""
        envoy = self._registry.find(event.collaborator)
        part = self._part(event.experiment, event.collaborator)
        if part is None:
            return
        part.is_told = True
        if envoy is not None:
            part.fetched_epoch = max(part.fetched_epoch, envoy.epoch_over(event.connection))
            part.fetched_at = max(part.fetched_at, now)
            envoy.experiment = event.experiment

    def dismiss(self, event: CollaboratorDismissed) -> None:
        """Hand the experiment out no more to a collaborator that was told to quit."""
        part = self._part(event.experiment, event.collaborator)
        if part is not None:
            part.is_dismissed = True

    def _part(self, experiment: ExperimentId | None, collaborator: EnvoyName) -> Part | None:
        found = None if experiment is None else self._catalogue.get(experiment)
        return None if found is None else found.parts.get(collaborator)
