"""Names that refer to each other: phases, events, experiments, groups, frontends, ids.

They are checked in the file itself, not in the decoded models, so that one wrong unit somewhere
does not hide a wrong name elsewhere.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from simulator.scenario.document import Items, Keys, Leaf, Node, at, each, text
from simulator.scenario.params import is_open
from simulator.scenario.problem import Path, Problems, closest
from simulator.scenario.schema import RESERVED_PHASES

_EXPERIMENT = ("experiment",)
_FAULT = ("fault", "type")

EVENT_FIELDS: Mapping[str, Sequence[str]] = {
    "actor.start": ("kind", "identity", "group", "profile"),
    "actor.kill": (),
    "actor.pause": (),
    "actor.resume": (),
    "actor.stop": (),
    "director.start": (),
    "director.stop": (),
    "director.kill": (),
    "download.chunk": _EXPERIMENT,
    "download.done": _EXPERIMENT,
    "envoy.dead": ("why",),
    "envoy.registered": (),
    "envoy.reregistered": (),
    "experiment.accepted": _EXPERIMENT,
    "experiment.refused": ("experiment", "code"),
    "experiment.distributed": _EXPERIMENT,
    "experiment.ended": ("experiment", "status"),
    "fault.open": _FAULT,
    "fault.close": _FAULT,
    "fault.touch": (*_FAULT, "method", "direction", "mode"),
    "round.started": ("experiment", "round"),
    "training.started": ("experiment", "round", "task"),
    "training.done": ("experiment", "round", "task"),
}
"""What a fault may wait for, and what it may ask of it; `actor` may be asked of each."""

NEVER_WAS = "never-was"
"""Under this name, which nobody uploads, one may ask for an experiment that never was."""

_ASKING = ("follow_metrics", "fetch_model", "expect_denied", "describe", "status", "remove")

_WINDOW = ("event", "nth", "phase", "for")


def check_references(root: Keys, problems: Problems) -> None:
    """Find every name that means nothing, and every name that means two things."""
    names = _Names.of(root)
    _check_unique(root, names, problems)
    for path, fault in each(root, "faults"):
        _check_when(fault, (*path, "when"), names, problems)
        _check_selector(at(fault, "targets"), (*path, "targets"), names, problems)
        _check_with(fault, (*path, "with"), names, problems)
    for path, user in each(root, "frontends"):
        for (_, number), step in each(user, "do"):
            _check_step(step, (*path, "do", number), names, problems)
    _check_outcomes(at(root, "expect", "outcomes"), names, problems)


# ---------------------------------------------------------------- what there is


@dataclass(frozen=True, slots=True, kw_only=True)
class _Names:
    """Every name that a file gives to something."""

    phases: Sequence[str]
    groups: Sequence[str]
    frontends: Sequence[str]
    faults: Sequence[str]
    attackers: Sequence[str]
    uploads: Sequence[tuple[str, str]]
    """(owner, experiment) of what frontends upload."""

    @classmethod
    def of(cls, root: Keys) -> "_Names":
        """Collect the names of a file."""
        uploads = [
            (text(user, "id") or "", name)
            for _, user in each(root, "frontends")
            for _, step in each(user, "do")
            for verb in ("submit", "misupload")
            if (name := text(step, verb, "experiment")) is not None
        ]
        return cls(
            phases=_texts(root, "phases", "name"),
            groups=_texts(root, "envoys", "group"),
            frontends=_texts(root, "frontends", "id"),
            faults=_texts(root, "faults", "id"),
            attackers=[name for _, name in _attackers(root)],
            uploads=uploads,
        )

    @property
    def experiments(self) -> Sequence[str]:
        """What frontends upload, and the first of what each attacker does."""
        theirs = [f"{attacker}-1" for attacker in self.attackers]
        return list(dict.fromkeys([name for _, name in self.uploads] + theirs))

    def is_experiment(self, name: str) -> bool:
        """Whether somebody uploads an experiment of that name."""
        attacker, _, number = name.rpartition("-")
        return name in self.experiments or (attacker in self.attackers and number.isdigit())

    def is_outcome(self, glob: str) -> bool:
        """Whether a glob of `experiment` or `owner/experiment` can match anything."""
        pairs = [*self.uploads, *((attacker, f"{attacker}-1") for attacker in self.attackers)]
        return any(
            fnmatchcase(name, glob) or fnmatchcase(f"{owner}/{name}", glob) for owner, name in pairs
        )


def _texts(root: Keys, section: str, key: str) -> list[str]:
    found = [text(item, key) for _, item in each(root, section)]
    return [name for name in found if name is not None]


def _attackers(root: Keys) -> Iterator[tuple[Path, str]]:
    for path, fault in each(root, "faults"):
        targets = at(fault, "targets")
        spawn = at(targets, "spawn")
        if isinstance(spawn, Leaf) and spawn.value is True:
            for key in ("frontend", "envoy"):
                name = text(targets, key)
                if name is not None:
                    yield (*path, "targets", key), name


# ---------------------------------------------------------------- twice the same


def _check_unique(root: Keys, names: _Names, problems: Problems) -> None:
    for section, key, what in (
        ("phases", "name", "phase"),
        ("envoys", "group", "group"),
        ("frontends", "id", "frontend"),
        ("faults", "id", "fault"),
    ):
        named = [((*path, key), text(item, key)) for path, item in each(root, section)]
        _check_twice(root, named, what, problems)
    attackers = list(_attackers(root))
    _check_twice(root, attackers, "attacker", problems)
    for path, name in attackers:
        if name in names.frontends:
            message = f"{name!r} is a frontend already: an attacker needs a name of its own"
            _add(root, path, message, problems)
    for path, phase in each(root, "phases"):
        if text(phase, "name") in RESERVED_PHASES:
            message = f"{text(phase, 'name')!r} comes by itself after the phases"
            _add(root, (*path, "name"), message, problems)


def _check_twice(
    root: Keys, named: Sequence[tuple[Path, str | None]], what: str, problems: Problems
) -> None:
    seen: dict[str, None] = {}
    for path, name in named:
        if name is not None and name in seen:
            _add(root, path, f"there is another {what} {name!r}", problems)
        elif name is not None:
            seen[name] = None


def _add(root: Node, path: Path, message: str, problems: Problems) -> None:
    node = at(root, *path)
    assert node is not None
    problems.add(node.mark, path, message)


# ---------------------------------------------------------------- faults


def _check_when(fault: Node, path: Path, names: _Names, problems: Problems) -> None:
    when = at(fault, "when")
    _check_name(at(when, "phase"), (*path, "phase"), "phase", names.phases, problems)
    event = text(when, "event")
    if event is None or not isinstance(when, Keys):
        return
    fields = EVENT_FIELDS.get(event)
    if fields is None:
        _check_name(at(when, "event"), (*path, "event"), "event", list(EVENT_FIELDS), problems)
        return
    for key, value in when.values.items():
        if key in _WINDOW:
            continue
        if key not in {*fields, "actor"}:
            message = f"the event {event!r} tells no {key!r}"
            suggestion = closest(key, [*fields, "actor", *_WINDOW])
            problems.add(when.marks[key], (*path, key), message, suggestion)
        elif key == "experiment":
            _check_experiment(value, (*path, key), names, problems)
        elif key == "fault":
            _check_name(value, (*path, key), "fault", names.faults, problems)


def _check_selector(targets: Node | None, path: Path, names: _Names, problems: Problems) -> None:
    if isinstance(targets, Leaf):
        _check_recipients(targets, path, names, problems)
        return
    spawn = at(targets, "spawn")
    if isinstance(spawn, Leaf) and spawn.value is True:
        return
    _check_name(at(targets, "group"), (*path, "group"), "group", names.groups, problems)
    _check_name(at(targets, "frontend"), (*path, "frontend"), "frontend", names.frontends, problems)


def _check_with(fault: Node, path: Path, names: _Names, problems: Problems) -> None:
    with_ = at(fault, "with")
    _check_recipients(at(with_, "victim"), (*path, "victim"), names, problems)
    for (_, number), name in each(with_, "experiments"):
        _check_experiment(name, (*path, "experiments", number), names, problems)


# ---------------------------------------------------------------- frontends, expectations


def _check_step(step: Node, path: Path, names: _Names, problems: Problems) -> None:
    for verb in ("submit", "misupload"):
        _check_recipients(at(step, verb, "to"), (*path, verb, "to"), names, problems)
    awaited = at(step, "await_end", "experiment")
    _check_experiment(awaited, (*path, "await_end", "experiment"), names, problems)
    for verb in _ASKING:
        asked = at(step, verb, "experiment")
        if not isinstance(asked, Leaf) or asked.value != NEVER_WAS:
            where = (*path, verb, "experiment")
            _check_experiment(asked, where, names, problems, NEVER_WAS)


def _check_outcomes(outcomes: Node | None, names: _Names, problems: Problems) -> None:
    if not isinstance(outcomes, Keys):
        return
    for glob, mark in outcomes.marks.items():
        if not names.is_outcome(glob):
            where = ("expect", "outcomes", glob)
            message = f"no experiment is called {glob!r}, nor owner/experiment"
            problems.add(mark, where, message, closest(glob, names.experiments))


def _check_recipients(to: Node | None, path: Path, names: _Names, problems: Problems) -> None:
    """Check the groups of `@group:label`; ids are checked once the envoys are known."""
    if isinstance(to, Items):
        for number, part in enumerate(to.items):
            _check_recipients(part, (*path, number), names, problems)
    elif isinstance(to, Leaf) and isinstance(to.value, str) and to.value.startswith("@"):
        group = Leaf(to.mark, to.value[1:].partition(":")[0])
        _check_name(group, path, "group", names.groups, problems)


def _check_experiment(
    node: Node | None, path: Path, names: _Names, problems: Problems, *others: str
) -> None:
    """Check a name of an experiment; `others` may be meant as well, though nobody uploads them."""
    if isinstance(node, Leaf) and isinstance(node.value, str) and names.is_experiment(node.value):
        return
    _check_name(node, path, "experiment", names.experiments, problems, *others)


def _check_name(
    node: Node | None, path: Path, what: str, known: Sequence[str], problems: Problems, *others: str
) -> None:
    if not isinstance(node, Leaf) or not isinstance(node.value, str) or is_open(node):
        return
    if node.value not in known:
        suggestion = closest(node.value, [*known, *others])
        listed = f" (known: {', '.join(known)})" if known and not suggestion else ""
        message = f"there is no {what} {node.value!r}{listed}"
        problems.add(node.mark, path, message, suggestion)
