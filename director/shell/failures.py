"""Takes in what participants say to have broken; whoever reports is told OK in every case.

An OpenFL envoy ends at any other answer, and does not say it a second time.
"""

from director.core.effects import Disregard
from director.core.events import CollaboratorDismissed, FailureReported
from director.core.experiments import Experiment
from director.core.federation import Federation
from director.core.model import Caller, EnvoyName, ExperimentId, ExperimentName, Failure
from director.core.names import check_identity
from director.core.texts import abridged
from director.errors import ForbiddenError, UnavailableError, UnknownExperimentError
from director.shell.logbook import log
from director.shell.tasks import Tasks
from director.shell.writer import Writer


class Failures:
    """Insists on what the disk refuses, for as long as this Director lives."""

    def __init__(self, federation: Federation, writer: Writer, work: Tasks) -> None:
        self._federation = federation
        self._writer = writer
        self._work = work
        self._insisted: set[ExperimentId] = set()
        """Experiments of whose failure there is nothing in the journal yet."""

    async def take(self, caller: Caller, failure: Failure) -> None:
        """Return once it is written down, or else known to be insisted on."""
        event = self._event(failure)
        try:
            check_identity(caller, failure.collaborator)
            reason = self._federation.why_disregard(event)
        except ForbiddenError as error:
            reason = str(error)
        if reason is not None:
            # Its sender learns nothing.
            self._writer.pass_over(
                event,
                Disregard(
                    experiment=event.experiment, collaborator=event.collaborator, reason=reason
                ),
            )
            return
        experiment = self._federation.catalogue.named(event.experiment)
        assert experiment is not None
        if experiment.id not in self._insisted:
            await self._keep(event, experiment)

    def _event(self, failure: Failure) -> FailureReported:
        rules = self._federation.rules
        # Names that are too long are nobody's, and go into the log.
        experiment = abridged(failure.experiment, rules.max_name_length)
        collaborator = abridged(failure.collaborator, rules.max_name_length)
        return FailureReported(
            experiment=ExperimentName(experiment),
            collaborator=EnvoyName(collaborator),
            code=failure.code,
            description=abridged(failure.description, rules.max_text_length),
        )

    async def _keep(self, event: FailureReported, experiment: Experiment) -> None:
        try:
            await self._writer.commit(event, about=experiment)
        except UnknownExperimentError:
            pass  # removed in the meantime
        except UnavailableError as error:
            log.warning("the failure that %s reported is kept later: %s", event.collaborator, error)
            self._insisted.add(experiment.id)
            # It has given up on it, and may ask for work again long before the disk gives in.
            self._writer.tell(
                CollaboratorDismissed(experiment=experiment.id, collaborator=event.collaborator)
            )
            self._work.spawn(
                self._insist(event, experiment), name=f"keep the failure of {experiment.id}"
            )

    async def _insist(self, event: FailureReported, experiment: Experiment) -> None:
        try:
            await self._writer.insist(event, about=experiment)
        except UnknownExperimentError:
            pass  # removed in the meantime
        finally:
            self._insisted.discard(experiment.id)
