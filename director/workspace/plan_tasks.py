"""The tasks that stand in a plan's own `tasks` section, and who has to do them.

`tasks: {train: {function: train_batches, kwargs: {...}}, ...}`.  OpenFL gives such tasks no type;
it follows here from the arguments: with `apply: local` or `apply: global` a task validates the
model just trained or the round's own, without `apply` it trains.
Their order is that of the assigner's one group, or of the section where there is no group.
"""

from collections.abc import Mapping

from director.core.model import Task
from director.errors import InvalidArchiveError, UnsupportedPlanError
from director.workspace.plan import check_template, settings_of
from director.workspace.plan_text import PLAN_MEMBER, Config

TRAIN = "train"
VALIDATE = "validate"
_DEFAULT = "openfl.interface.aggregation_functions.WeightedAverage"

_Entry = Mapping[object, object]


def planned_tasks(config: Config) -> tuple[Task, ...]:
    """Return every collaborator's tasks in their order; none where the plan has none.

    Raises:
        InvalidArchiveError: a task, or the assigner's group, makes no sense.
        UnsupportedPlanError: not every collaborator would do the same.
    """
    entries = _entries(config)
    if not entries:
        return ()
    tasks = {name: _task(name, entry) for name, entry in entries.items()}
    order = _order(config, tuple(tasks))
    missing = [name for name in order if name not in tasks]
    if missing or len(set(order)) != len(order) or not order:
        raise InvalidArchiveError(
            f"{PLAN_MEMBER}: the assigner's task group names no tasks, one twice, or unknown ones"
            f" ({', '.join(map(repr, missing)) or 'none unknown'})"
        )
    return tuple(tasks[name] for name in order)


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
        name = _DEFAULT if template is None else str(template)
        if chosen.setdefault(task.function_name, name) != name:
            raise UnsupportedPlanError(
                f"{PLAN_MEMBER}: tasks with the function {task.function_name!r} want different"
                " aggregation types"
            )
    return chosen


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
    if apply not in {None, "local", "global"}:
        raise InvalidArchiveError(f"{PLAN_MEMBER}: the task {name!r} applies to {apply!r}")
    return Task(
        name=name,
        function_name=function,
        task_type=TRAIN if apply is None else VALIDATE,
        apply_local=apply == "local",
    )


def _order(config: Config, default: tuple[str, ...]) -> tuple[str, ...]:
    groups = settings_of(config, "assigner").get("task_groups")
    if groups is None:
        return default
    check_template(config, "assigner", {"RandomGroupedAssigner"})
    match groups:
        case [{"tasks": list(names), **rest}] if "collaborators" not in rest:
            return tuple(map(str, names))
        case _:
            raise UnsupportedPlanError(
                f"{PLAN_MEMBER}: the assigner does not have one task group for everybody"
            )
