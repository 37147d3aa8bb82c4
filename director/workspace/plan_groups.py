"""An assigner's task groups: who does which of a plan's tasks.

OpenFL has two assigners.  `RandomGroupedAssigner` deals a share of the collaborators to each group
anew in every round, `StaticGroupedAssigner` has groups of collaborators that it names.
"""

import math
from collections.abc import Collection, Sequence

from director.core.model import EnvoyName, TaskGroup
from director.errors import InvalidArchiveError, UnsupportedPlanError
from director.workspace.plan import check_template, openfl_class, settings_of
from director.workspace.plan_text import PLAN_MEMBER, Config

_RANDOM = "RandomGroupedAssigner"
_STATIC = "StaticGroupedAssigner"
_SLACK = 0.01
"""OpenFL lets shares sum up to a little more or less than all."""

_Entry = dict[object, object]


def groups_of(config: Config, tasks: Collection[str]) -> tuple[TaskGroup, ...]:
    """Return the groups; a single one for everybody where the plan's assigner has none.

    Raises:
        UnsupportedPlanError: the assigner is not one of OpenFL's; the message names it.
        InvalidArchiveError: a group makes no sense, or they do not fit together.
    """
    listed = settings_of(config, "assigner").get("task_groups")
    if listed is None:
        return (TaskGroup(tasks=tuple(tasks), share=1.0),)
    check_template(config, "assigner", (_RANDOM, _STATIC))
    template = config.get("assigner", {}).get("template", _RANDOM)
    entries = _entries(listed)
    if openfl_class(template) == _STATIC:
        return tuple(
            TaskGroup(tasks=_tasks(entry, tasks), collaborators=_collaborators(entry))
            for entry in entries
        )
    if any("collaborators" in entry for entry in entries):
        raise UnsupportedPlanError(
            f"{PLAN_MEMBER}: the assigner deals collaborators to task groups, and cannot name them"
        )
    shares = _shares(entries)
    return tuple(
        TaskGroup(tasks=_tasks(entry, tasks), share=share)
        for entry, share in zip(entries, shares, strict=True)
    )


def _entries(listed: object) -> Sequence[_Entry]:
    entries = listed if isinstance(listed, list) else []
    if not entries or not all(isinstance(entry, dict) for entry in entries):
        raise InvalidArchiveError(
            f"{PLAN_MEMBER}: the assigner's task_groups are no list of groups"
        )
    return entries


def _tasks(entry: _Entry, known: Collection[str]) -> tuple[str, ...]:
    listed = entry.get("tasks")
    names = tuple(map(str, listed)) if isinstance(listed, list) else ()
    unknown = [name for name in names if name not in known]
    if unknown or len(set(names)) != len(names) or not names:
        raise InvalidArchiveError(
            f"{PLAN_MEMBER}: a task group of the assigner names no tasks, one twice, or unknown"
            f" ones ({', '.join(map(repr, unknown)) or 'none unknown'})"
        )
    return names


def _collaborators(entry: _Entry) -> tuple[EnvoyName, ...]:
    listed = entry.get("collaborators")
    if not isinstance(listed, list) or not listed:
        raise InvalidArchiveError(
            f"{PLAN_MEMBER}: a task group of the assigner has no collaborators"
        )
    return tuple(EnvoyName(str(name)) for name in listed)


def _shares(entries: Sequence[_Entry]) -> Sequence[float]:
    shares = [entry.get("percentage", 1.0 if len(entries) == 1 else None) for entry in entries]
    numbers = [
        float(share)
        for share in shares
        if isinstance(share, int | float) and not isinstance(share, bool) and 0 <= share <= 1
    ]
    if len(numbers) < len(shares) or not math.isclose(sum(numbers), 1, abs_tol=_SLACK):
        raise InvalidArchiveError(
            f"{PLAN_MEMBER}: the percentages of the assigner's task groups are not shares of 1"
        )
    return numbers
