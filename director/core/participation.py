"""How far one collaborator has come, in words: what the aggregation knows, and not more.

It is never told when a task begins.  Collaborators do their tasks in order, so the first one that
is not reported is the one at work, once the collaborator has asked for this round's tasks.
"""

from dataclasses import dataclass
from enum import StrEnum

from director.core.model import EnvoyName, Plan, Task
from director.core.views import CollaboratorView


class CollaboratorStatus(StrEnum):
    """What a collaborator is doing; the values are the words on the wire."""

    PENDING = "pending"
    """It has not been heard of in this run."""
    IN_PROGRESS = "in_progress"
    """It has asked for this round's tasks, and not reported them all."""
    WAITING = "waiting"
    """It has nothing to do until the others have reported, or has yet to ask for the next tasks."""
    FINISHED = "finished"
    """The run is complete."""
    STOPPED = "stopped"
    """The run was ended before its time."""


@dataclass(slots=True)
class Participation:
    """What is known of one collaborator of a run."""

    seen_in_round: int | None = None
    completed_rounds: int = 0


def view(
    name: EnvoyName,
    participation: Participation,
    *,
    plan: Plan,
    round_number: int,
    is_stopped: bool,
    pending: tuple[Task, ...],
) -> CollaboratorView:
    """Return the view of a collaborator that has these tasks of the round yet to report."""
    status = _status(participation, plan, round_number, is_stopped=is_stopped, pending=pending)
    coming = [task.name for task in pending]
    if not coming and round_number + 1 < plan.rounds:
        coming = [plan.tasks[0].name]
    if status in {CollaboratorStatus.FINISHED, CollaboratorStatus.STOPPED}:
        coming = []
    current = coming.pop(0) if status is CollaboratorStatus.IN_PROGRESS else ""
    if current and not coming and round_number + 1 < plan.rounds:
        coming = [plan.tasks[0].name]
    return CollaboratorView(
        name=name,
        status=status,
        progress=participation.completed_rounds / plan.rounds,
        round=round_number,
        current_task=current,
        next_task=coming[0] if coming else "",
    )


def _status(
    participation: Participation,
    plan: Plan,
    round_number: int,
    *,
    is_stopped: bool,
    pending: tuple[Task, ...],
) -> CollaboratorStatus:
    if round_number >= plan.rounds:
        return CollaboratorStatus.FINISHED
    if is_stopped:
        return CollaboratorStatus.STOPPED
    if participation.seen_in_round is None:
        return CollaboratorStatus.PENDING
    if pending and participation.seen_in_round == round_number:
        return CollaboratorStatus.IN_PROGRESS
    return CollaboratorStatus.WAITING
