"""What only a decoded scenario can tell: whether its parts fit together.

Whom selectors really mean, whether a window lies within the phases, and who is called alike.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from simulator.actors.steps import MisuploadStep, SubmitStep
from simulator.faults import Fault
from simulator.faults.identity import IdentityImpersonate
from simulator.faults.selector import ANY, Kind, Member, UnknownTargetError, recipients
from simulator.faults.weather import NAME as WEATHER
from simulator.faults.when import At, Every
from simulator.scenario.document import Keys, mark_of
from simulator.scenario.problem import Path, Problems, closest
from simulator.scenario.schema import Scenario

_A = {Kind.ENVOY: "an envoy", Kind.FRONTEND: "a frontend", Kind.ATTACKER: "an attacker"}
_SIDES = {Kind.ENVOY: "envoys", Kind.FRONTEND: "frontends", Kind.ATTACKER: "attackers"}


def check_consistency(root: Keys, scenario: Scenario, problems: Problems) -> None:
    """Find every part that does not fit the others."""
    _Check(root, scenario, scenario.roster(), problems).everything()


@dataclass(frozen=True, slots=True)
class _Check:
    root: Keys
    scenario: Scenario
    roster: Sequence[Member]
    problems: Problems

    def everything(self) -> None:
        self._check_run()
        self._check_ids()
        self._check_recipients()
        for index, fault in enumerate(self.scenario.faults):
            path: Path = ("faults", index)
            if fault.id == WEATHER:
                self._add((*path, "id"), f"{WEATHER!r} is what 'network' is called in reports")
            self._check_window(fault, path)
            if fault.targets is not None:
                self._check_targets(fault, (*path, "targets"))

    def _add(self, path: Path, message: str, suggestion: str | None = None) -> None:
        self.problems.add(mark_of(self.root, path), path, message, suggestion)

    # ------------------------------------------------------------ the run

    def _check_run(self) -> None:
        scenario = self.scenario
        run = scenario.director.run
        if scenario.clock == "virtual" and run != "inprocess":
            message = f"time cannot be simulated for a Director that runs as {run}"
            self._add(("director", "run"), message, "clock: wire")
        lasts_s = scenario.phases_s + scenario.recover
        if scenario.timeout < lasts_s:
            message = f"the phases and the recovery take {lasts_s:g}s together"
            self._add(("timeout",), message)

    def _check_ids(self) -> None:
        """Nobody must be mistaken for an envoy; the file itself tells the rest apart."""
        taken: dict[str, str] = {}
        for path, name, what in self._ids():
            if taken.get(name, what).startswith("an envoy") and what != taken.get(name, what):
                self._add(path, f"{what} {name!r} has the id of {taken[name]}")
            else:
                taken[name] = what

    def _ids(self) -> Iterator[tuple[Path, str, str]]:
        for index, group in enumerate(self.scenario.envoys):
            for member in group.members():
                yield ("envoys", index, "id"), member.id, f"an envoy of {group.group!r}"
        for index, user in enumerate(self.scenario.frontends):
            yield ("frontends", index, "id"), user.id, "a frontend"
        for index, fault in enumerate(self.scenario.faults):
            if fault.targets is not None and fault.targets.attacker is not None:
                yield ("faults", index, "targets"), fault.targets.attacker, "an attacker"

    # ------------------------------------------------------------ who is meant

    def _check_recipients(self) -> None:
        for index, user in enumerate(self.scenario.frontends):
            for number, step in enumerate(user.do):
                path: Path = ("frontends", index, "do", number)
                if isinstance(step, SubmitStep):
                    self._check_known(step.submit.to, (*path, "submit", "to"))
                elif isinstance(step, MisuploadStep):
                    self._check_known(step.misupload.to, (*path, "misupload", "to"))
        for index, fault in enumerate(self.scenario.faults):
            if isinstance(fault, IdentityImpersonate):
                self._check_known(fault.with_.victim, ("faults", index, "with", "victim"))

    def _check_known(self, to: str | Sequence[str], path: Path) -> None:
        try:
            recipients(to, self.roster)
        except UnknownTargetError as error:
            # Groups have been looked up in the file itself.
            if error.what != "group":
                self._add(path, str(error), closest(error.name, error.known))

    def _check_targets(self, fault: Fault, path: Path) -> None:
        targets = fault.targets
        assert targets is not None
        try:
            pool = targets.pool(self.roster, fault.reaches())
        except UnknownTargetError as error:
            if targets.envoy:
                self._add((*path, "envoy"), str(error), closest(error.name, error.known))
            return  # Groups and frontends have been looked up in the file itself.
        misfits = [member for member in pool if member.kind not in fault.reaches()]
        if misfits:
            reach = " and ".join(_SIDES[kind] for kind in fault.reaches())
            what = f"{misfits[0].id!r} is {_A[misfits[0].kind]}"
            self._add(path, f"{what}; here {fault.name()} is for {reach}")
        elif not pool:
            self._add(path, "nobody is meant: " + _why_nobody(targets.labels))
        elif not targets.pick.of(len(pool)):
            self._add((*path, "pick"), f"{targets.pick.text} of {len(pool)} is nobody")

    # ------------------------------------------------------------ when

    def _check_window(self, fault: Fault, path: Path) -> None:
        when, lasts_s = fault.when, self.scenario.phases_s
        if not self.scenario.phases:
            self._add((*path, "when"), "faults happen during phases, and there are none")
        elif isinstance(when, At) and when.at >= lasts_s:
            self._add((*path, "when", "at"), f"the last phase is over after {lasts_s:g}s")
        elif isinstance(when, Every) and when.phase is None and when.every >= lasts_s:
            self._add((*path, "when", "every"), f"the last phase is over after {lasts_s:g}s")


def _why_nobody(labels: Mapping[str, str]) -> str:
    if not labels:
        return "the scenario has nobody whom this fault can hit"
    told = ", ".join(value if key == ANY else f"{key}: {value}" for key, value in labels.items())
    return f"nobody there is labelled {told}"
