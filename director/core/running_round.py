"""What collaborators have reported for the running round, and who has reported everything."""

from collections.abc import Mapping, Sequence

from director.core.assignments import Assignments
from director.core.contributions import Contribution
from director.core.model import EnvoyName, Task


class RunningRound:
    """Takes in results until it is sealed; the order of arrival does not show."""

    def __init__(self, tasks: Sequence[Task], assigned: Assignments) -> None:
        self._tasks = tuple(tasks)
        self._assigned = assigned
        self._results: dict[str, dict[EnvoyName, Contribution]] = {
            task.name: {} for task in self._tasks
        }
        self._left = {name: len(tasks) for name, tasks in assigned.items()}
        self._reported: dict[EnvoyName, None] = {}
        self.is_sealed = False

    @property
    def reported(self) -> Mapping[EnvoyName, None]:
        """Those who have nothing left to report, the first to get there first."""
        return self._reported

    @property
    def is_complete(self) -> bool:
        """Whether everybody has reported everything."""
        return len(self._reported) == len(self._assigned)

    def pending(self, collaborator: EnvoyName) -> tuple[Task, ...]:
        """Return what a collaborator has yet to report, in order."""
        return tuple(
            task
            for task in self._assigned[collaborator]
            if collaborator not in self._results[task.name]
        )

    def refusal(self, collaborator: EnvoyName, task: str) -> str:
        """Return why a result cannot count, or nothing."""
        if task not in self._results:
            return "the plan has no such task"
        if collaborator in self._results[task]:
            return "it was reported before"
        if all(task != assigned.name for assigned in self._assigned[collaborator]):
            return "the task is not its sender's in this round"
        return "the round is being closed without it" if self.is_sealed else ""

    def take(self, collaborator: EnvoyName, task: str, contribution: Contribution) -> None:
        """Keep a result that was not refused."""
        self._results[task][collaborator] = contribution
        self._left[collaborator] -= 1
        if not self._left[collaborator]:
            self._reported[collaborator] = None

    def results(self) -> list[tuple[Task, dict[EnvoyName, Contribution]]]:
        """Return what counts, in the order of tasks and of collaborators.

        Who has not reported everything is left out altogether, as OpenFL does: a model that was
        never validated, say, would otherwise weigh in where its score does not.
        """
        return [
            (
                task,
                {
                    name: given[name]
                    for name in self._assigned
                    if name in self._reported and name in given
                },
            )
            for task in self._tasks
            for given in (self._results[task.name],)
        ]
