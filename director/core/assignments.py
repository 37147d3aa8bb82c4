"""Who does which tasks in a round.

Everybody does all of them, unless the plan has groups: of collaborators that it names, or of
shares to which collaborators are dealt anew in every round.
"""

import hashlib
from collections.abc import Mapping, Sequence

from director.core.model import EnvoyName, Plan, Task, TaskGroup
from director.errors import InvalidUploadError

Assignments = Mapping[EnvoyName, tuple[Task, ...]]


def check_groups(plan: Plan, collaborators: Sequence[EnvoyName]) -> None:
    """Let a plan pass whose groups fit the collaborators.

    Raises:
        InvalidUploadError: it names others, or not each of them once.
    """
    named = [name for group in plan.groups for name in group.collaborators]
    if named and sorted(named) != sorted(collaborators):
        raise InvalidUploadError(
            "the plan's task groups do not name each of the experiment's collaborators once"
        )


def assignments(plan: Plan, collaborators: Sequence[EnvoyName], round_number: int) -> Assignments:
    """Return everybody's tasks for a round, in the order in which they are to be done."""
    if not plan.groups:
        return dict.fromkeys(collaborators, plan.tasks)
    tasks = {task.name: task for task in plan.tasks}
    groups = _dealt(plan.groups, collaborators, round_number)
    return {name: tuple(tasks[task] for task in groups[name].tasks) for name in collaborators}


def _dealt(
    groups: Sequence[TaskGroup], collaborators: Sequence[EnvoyName], round_number: int
) -> Mapping[EnvoyName, TaskGroup]:
    named = {name: group for group in groups for name in group.collaborators}
    if named:
        return named
    # Drawn by a digest: whoever deals the same round again, after a restart, deals the same.
    drawn = sorted(collaborators, key=lambda name: (_lot(name, round_number), name))
    dealt: dict[EnvoyName, TaskGroup] = {}
    share = 0.0
    for group in groups:
        share += group.share
        for name in drawn[len(dealt) : round(share * len(drawn))]:
            dealt[name] = group
    # What rounding has left over.
    return dealt | dict.fromkeys(drawn[len(dealt) :], groups[-1])


def _lot(name: EnvoyName, round_number: int) -> bytes:
    return hashlib.sha256(f"{round_number}/{name}".encode()).digest()
