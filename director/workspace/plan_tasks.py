"""The tasks that stand in a plan's own `tasks` section, and who has to do them.

`tasks: {train: {function: train_batches, kwargs: {...}}, ...}`.  OpenFL gives such tasks no type;
it follows here from the arguments: with `apply: local` or `apply: global` a task validates the
model just trained or the round's own, without `apply` it trains.
Their order is that of the assigner's groups, or of the section where there are none.
"""

from collections.abc import Mapping

from director.core.model import Task, TaskGroup
from director.errors import InvalidArchiveError, UnsupportedPlanError
from director.workspace.plan_groups import groups_of
from director.workspace.plan_text import PLAN_MEMBER, Config

TRAIN = "train"
VALIDATE = "validate"

_Entry = Mapping[object, object]


def planned_tasks(config: Config) -> tuple[tuple[Task, ...], tuple[TaskGroup, ...]]:
    """Return all tasks, and who does which: no groups where everybody does all of them.

    There are no tasks where the plan has none.

    Raises:
        InvalidArchiveError: a task, or a group of the assigner, makes no sense.
        UnsupportedPlanError: the assigner is not one of OpenFL's.
    """
    entries = _entries(config)
    if not entries:
        return (), ()
    tasks = {name: _task(name, entry) for name, entry in entries.items()}
    groups = groups_of(config, tuple(tasks))
    order = dict.fromkeys(name for group in groups for name in group.tasks)
    is_for_all = len(groups) == 1 and not groups[0].collaborators
    return tuple(tasks[name] for name in order), () if is_for_all else groups


def planned_aggregations(config: Config, tasks: tuple[Task, ...]) -> dict[str, str]:
    """Return the class of aggregation by function, for the functions whose tasks ask for one.

    Raises:
        UnsupportedPlanError: two tasks ask for different ones on one function's results.
    """
    entries = _entries(config)
    chosen: dict[str, str] = {}
    for task in tasks:
        wish = entries[task.name].get("aggregation_type")
        template = wish.get("template") if isinstance(wish, dict) else wish
        name = "" if template is None else str(template)
        if chosen.setdefault(task.function_name, name) != name:
            raise UnsupportedPlanError(
                f"{PLAN_MEMBER}: tasks with the function {task.function_name!r} want different"
                " aggregation types"
            )
    return {function: name for function, name in chosen.items() if name}


def _entries(config: Config) -> dict[str, _Entry]:
    return {
        str(name): entry
        for name, entry in config.get("tasks", {}).items()
        if isinstance(entry, dict) and "function" in entry
    }


def _task(name: str, entry: _Entry) -> Task:
    function, kwargs = entry["function"], entry.get("kwargs")
    if not isinstance(function, str) or not isinstance(kwargs, dict | None):
        raise InvalidArchiveError(f"{PLAN_MEMBER}: the task {name!r} has no function to call")
    apply = (kwargs or {}).get("apply")
    # A tuple, for it may be anything, and what cannot be hashed is in no set.
    if apply not in (None, "local", "global"):
        raise InvalidArchiveError(f"{PLAN_MEMBER}: the task {name!r} applies to {apply!r}")
    return Task(
        name=name,
        function_name=function,
        task_type=TRAIN if apply is None else VALIDATE,
        apply_local=apply == "local",
    )
