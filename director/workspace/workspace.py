"""Reading a whole uploaded archive: checked to the last byte, and only then believed.

The smallest archive that is a workspace holds one file, `plan/plan.yaml`, with

    aggregator: {settings: {rounds_to_train: 3}}
    network: {settings: {agg_addr: auto, agg_port: auto}}
    tasks:
      train: {function: train, kwargs: {}}
      aggregated_model_validation: {function: validate, kwargs: {apply: global}}
      locally_tuned_model_validation: {function: validate, kwargs: {apply: local}}

In the place of `tasks` may stand the pickles of OpenFL's interactive API.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

from director.core.averaging import PICKLED
from director.core.model import Plan, Task, TaskGroup
from director.errors import InvalidArchiveError, UnsupportedPlanError
from director.workspace.archive import Archive, open_archive
from director.workspace.inert_pickle import Description, describe
from director.workspace.limits import ArchiveLimits
from director.workspace.pickled_code import foreign_imports
from director.workspace.pickled_tasks import (
    AGGREGATIONS_MEMBER,
    TASKS_MEMBER,
    pickled_aggregations,
    pickled_tasks,
)
from director.workspace.plan import (
    address_of,
    check_sections,
    compression_of,
    openfl_class,
    rounds_of,
    tls_of,
)
from director.workspace.plan_haste import haste_of
from director.workspace.plan_tasks import planned_aggregations, planned_tasks
from director.workspace.plan_text import PLAN_MEMBER, Config, read_config

_AGGREGATIONS = {
    "WeightedAverage": "weighted_average",
    "Median": "median",
    "GeometricMedian": "geometric_median",
}
"""OpenFL's classes without settings of their own, by our names."""
_MAX_NAME_LENGTH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """An archive that can be run; of the network, None is what the plan leaves open."""

    plan: Plan
    plan_text: str
    agg_addr: str | None
    agg_port: int | None
    tls: bool | None
    imports: tuple[str, ...] = ()
    """The modules that have to be there for its aggregation functions to be loaded, if any is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """The tasks, who does which, and by function the aggregations that are asked for."""

    tasks: tuple[Task, ...]
    groups: tuple[TaskGroup, ...]
    templates: Mapping[str, str]
    pickle: Description | None = None
    """Where the classes of the aggregations are, if they are not just named."""


def read_workspace(
    file: BinaryIO, limits: ArchiveLimits, *, takes_pickled: bool = False
) -> Workspace:
    """Read the archive to its end, in slices; nothing of it is unpacked, imported or run.

    `takes_pickled`: whether aggregation functions of its own may be asked for.

    Raises:
        InvalidArchiveError: it is not whole, hides something, or has no plan that can be run.
        UnsupportedPlanError: its plan asks for something that we do not do.
        LimitExceededError: it is larger than we are willing to look at.
    """
    archive = open_archive(file, limits)
    archive.verify()
    text = _decoded(archive.read(PLAN_MEMBER, max_bytes=limits.max_plan_bytes))
    config = read_config(text, limits)
    check_sections(config)
    agg_addr, agg_port = address_of(config)
    work = _work(config, archive, limits)
    may_load = takes_pickled and work.pickle is not None
    aggregations = {
        function: _aggregation(template, may_load=may_load)
        for function, template in work.templates.items()
    }
    imports: tuple[str, ...] = ()
    if work.pickle is not None and PICKLED in aggregations.values():
        imports = foreign_imports(config, work.pickle, archive)
    plan = Plan(
        rounds=rounds_of(config),
        tasks=work.tasks,
        compression=compression_of(config),
        aggregations=aggregations,
        groups=work.groups,
        haste=haste_of(config),
    )
    return Workspace(
        plan=plan,
        plan_text=text,
        agg_addr=agg_addr,
        agg_port=agg_port,
        tls=tls_of(config),
        imports=imports,
    )


def _decoded(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise InvalidArchiveError(f"{PLAN_MEMBER} is not UTF-8 text") from error


def _work(config: Config, archive: Archive, limits: ArchiveLimits) -> _Work:
    tasks, groups = planned_tasks(config)
    if tasks:
        work = _Work(tasks=tasks, groups=groups, templates=planned_aggregations(config, tasks))
    elif TASKS_MEMBER not in archive.files:
        raise InvalidArchiveError(f"{PLAN_MEMBER} has no tasks, and there is no {TASKS_MEMBER}")
    else:
        work = _pickled_work(archive, limits)
    for name in (name for task in work.tasks for name in (task.name, task.function_name)):
        if not (name.isprintable() and 0 < len(name) <= _MAX_NAME_LENGTH):
            raise InvalidArchiveError(f"a task's or function's name is unusable: {name[:80]!r}")
    return work


def _pickled_work(archive: Archive, limits: ArchiveLimits) -> _Work:
    tasks = pickled_tasks(_described(archive, TASKS_MEMBER, limits))
    if AGGREGATIONS_MEMBER not in archive.files:
        return _Work(tasks=tasks, groups=(), templates={})
    pickle = _described(archive, AGGREGATIONS_MEMBER, limits)
    return _Work(tasks=tasks, groups=(), templates=pickled_aggregations(pickle), pickle=pickle)


def _described(archive: Archive, member: str, limits: ArchiveLimits) -> Description:
    pickled = archive.read(member, max_bytes=limits.max_pickle_bytes)
    return describe(pickled, max_steps=limits.max_pickle_steps)


def _aggregation(template: str, *, may_load: bool) -> str:
    name = _AGGREGATIONS.get(openfl_class(template))
    if name is not None:
        return name
    if may_load:
        return PICKLED
    raise UnsupportedPlanError(
        f"the aggregation function {template!r} is not one of {', '.join(_AGGREGATIONS)};"
        " code that a workspace brings is not loaded here"
    )
