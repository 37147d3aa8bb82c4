"""How far one collaborator has come, in words: what the aggregation knows, and not more.

It is never told when a task begins.  Collaborators do their tasks in order, so the first one that
is not reported is the one at work, once the collaborator has asked for this round's tasks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from director.core.attendance import Presence
from director.core.model import EnvoyName, Plan, Task
from director.core.views import CollaboratorView

ALL_HERE: Mapping[EnvoyName, Presence] = MappingProxyType({})
"""Presence where nobody has looked."""


class CollaboratorStatus(StrEnum):
    """What a collaborator is doing; the values are the words on the wire."""

    PENDING = "pending"
    """It is there, and has not been heard of in this run."""
    IN_PROGRESS = "in_progress"
    """It has asked for this round's tasks, and not reported them all."""
    WAITING = "waiting"
    """It has nothing to do until the others have reported, or has yet to ask for the next tasks."""
    ABSENT = "absent"
    """It is offline, or was never registered; the round waits for it to come back."""
    DROPPED = "dropped"
    """It is dead: a round closes without it, or the last one has.  If it comes, it may go on."""
    FINISHED = "finished"
    """The run is complete, and so is what it had to do."""
    STOPPED = "stopped"
    """The run was ended before its time."""


@dataclass(slots=True)
class Participation:
    """What is known of one collaborator of a run."""

    seen_in_round: int | None = None
    completed_rounds: int = 0
    last_completed: int | None = None

    def complete(self, round_number: int) -> None:
        """Note that it had reported everything when a round closed."""
        self.completed_rounds += 1
        self.last_completed = round_number


def view(
    name: EnvoyName,
    participation: Participation,
    presence: Presence,
    *,
    plan: Plan,
    round_number: int,
    is_stopped: bool,
    pending: Sequence[Task],
    following: Sequence[Task],
) -> CollaboratorView:
    """Return the view of a collaborator.

    It has the `pending` tasks of the round yet to report, and the `following` ones come after.
    """
    status = _status(
        participation, presence, plan, round_number, is_stopped=is_stopped, pending=pending
    )
    coming = [task.name for task in (*pending, *following[:1])]
    if is_stopped or round_number >= plan.rounds:
        coming = []
    current = coming.pop(0) if status is CollaboratorStatus.IN_PROGRESS else ""
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
    presence: Presence,
    plan: Plan,
    round_number: int,
    *,
    is_stopped: bool,
    pending: Sequence[Task],
) -> CollaboratorStatus:
    if round_number >= plan.rounds:
        is_through = participation.last_completed == plan.rounds - 1
        return CollaboratorStatus.FINISHED if is_through else CollaboratorStatus.DROPPED
    if presence is not Presence.HERE:
        is_dropped = presence is Presence.DEAD and pending
        return CollaboratorStatus.DROPPED if is_dropped else CollaboratorStatus.ABSENT
    if is_stopped:
        return CollaboratorStatus.STOPPED
    if participation.seen_in_round is None:
        return CollaboratorStatus.PENDING
    is_at_work = pending and participation.seen_in_round == round_number
    return CollaboratorStatus.IN_PROGRESS if is_at_work else CollaboratorStatus.WAITING
