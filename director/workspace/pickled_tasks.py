"""The tasks and aggregation functions that OpenFL's interactive API pickles into a workspace.

Task names stand nowhere else there: its `plan.yaml` has an empty `tasks` section.  The pickles are
described, never loaded; what the description does not show plainly is refused.
"""

from director.core.model import Task
from director.errors import InvalidArchiveError, UnsupportedPlanError
from director.workspace.inert_pickle import Call, Description, Pairs, Symbol

TASKS_MEMBER = "task_assigner_obj.pkl"
AGGREGATIONS_MEMBER = "aggregation_function_obj.pkl"

_WEIGHTED_AVERAGE = "openfl.interface.aggregation_functions.weighted_average.WeightedAverage"

_DEFAULT_ASSIGNER = "FLExperiment.define_task_assigner.<locals>.assigner"
_TASK_MODULE = "openfl.component.assigner.tasks"
_TRAIN, _LOCAL, _GLOBAL = "train", "locally_tuned_model_validate", "aggregated_model_validate"


def pickled_tasks(assigner: Description) -> tuple[Task, ...]:
    """Return what OpenFL's own assigner gives every collaborator in every round, in its order.

    Raises:
        UnsupportedPlanError: the experiment brings an assigner of its own.
        InvalidArchiveError: it is OpenFL's, but has no tasks.
    """
    name = _function_name(assigner)
    if name != _DEFAULT_ASSIGNER:
        raise UnsupportedPlanError(
            f"the experiment brings a task assigner of its own, {name!r}; only OpenFL's is known"
        )
    registered = {task.name: task for call in assigner.calls if (task := _task(call)) is not None}
    # What that assigner does: without anything to train, it only validates the global model.
    order = (_TRAIN, _LOCAL, _GLOBAL) if _TRAIN in registered else (_GLOBAL,)
    if any(task not in registered for task in order):
        raise InvalidArchiveError(f"{TASKS_MEMBER} has no tasks to train and to validate")
    return tuple(registered[task] for task in order)


def pickled_aggregations(functions: Description) -> dict[str, str]:
    """Return the class of aggregation by the name of a task's function.

    Raises:
        InvalidArchiveError: it is not what OpenFL's interactive API writes.
        UnsupportedPlanError: functions that are not named there do not get the weighted average.
    """
    match functions.result:
        case Call(function=Symbol("collections", "defaultdict"), arguments=(default,)) as table:
            pass
        case _:
            raise InvalidArchiveError(f"{AGGREGATIONS_MEMBER} is no table of aggregation functions")
    if _class_name(default) != _WEIGHTED_AVERAGE:
        raise UnsupportedPlanError(
            f"the default aggregation function {_class_name(default)!r} is not the weighted average"
        )
    return {function: _class_name(made) for function, made in table.entries.named().items()}


def imports_of(pickled: Description) -> tuple[str, ...]:
    """Return the top-level modules that unpickling would import."""
    # cloudpickle imports modules, rather than what is in them, by a call.
    called = [
        name
        for call in pickled.calls
        if isinstance(call.function, Symbol) and call.function.name == "subimport"
        for name in (call.arguments if isinstance(call.arguments, tuple) else ())
        if isinstance(name, str)
    ]
    modules = (*(symbol.module for symbol in pickled.symbols), *called)
    return tuple(dict.fromkeys(module.partition(".")[0] for module in modules))


def _task(call: Call) -> Task | None:
    if not isinstance(call.function, Symbol) or call.function.module != _TASK_MODULE:
        return None
    match call.attributes():
        case {
            "name": str(name),
            "function_name": str(function),
            "task_type": str(kind),
            "apply_local": bool(apply_local),
        }:
            return Task(name=name, function_name=function, task_type=kind, apply_local=apply_local)
        case _:
            return None


def _function_name(pickled: Description) -> str:
    """Return the qualified name of a pickled function, whichever way it was pickled."""
    if isinstance(pickled.result, Symbol):
        return str(pickled.result)
    # cloudpickle makes an empty function first, and then calls a function to fill it.
    for call in pickled.calls:
        match call.arguments:
            case (function, (_, Pairs() as slots)) if function is pickled.result:
                name = slots.named().get("__qualname__")
                return name if isinstance(name, str) else "?"
            case _:
                pass
    return _class_name(pickled.result)


def _class_name(value: object) -> str:
    """Return the name of a class, or of the class of an instance."""
    # No recursion: a pickle may nest calls as deep as it likes.
    while isinstance(value, Call):
        match value:
            case Call(function=Symbol(name="_make_skeleton_class"), arguments=(_, str(name), *_)):
                return name
            case _:
                value = value.function
    return str(value) if isinstance(value, Symbol) else "?"
