"""What people see of a run while it goes: pieced together from its notes."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from simulator.history.entry import JsonObject
from simulator.history.fields import text, whole
from simulator.history.snapshot import ExperimentProgress, Snapshot

_RUNNING = "in_progress"


@dataclass(slots=True)
class Spectator:
    """Listens to notes; a snapshot is its memory of them."""

    rounds: Callable[[str], int]
    """How many rounds an experiment of that name is to take."""
    _phase: str = ""
    _faults: dict[str, int] = field(default_factory=dict)
    _online: dict[str, None] = field(default_factory=dict)
    _experiments: dict[str, ExperimentProgress] = field(default_factory=dict)

    def listen(self, actor: str, topic: str, value: JsonObject) -> None:
        """Take a note in; topics that nobody is shown are ignored."""
        match topic:
            case "phase" if text(value, "state") == "begin":
                self._phase = text(value, "name")
            case "fault.open":
                fault = text(value, "fault")
                self._faults[fault] = self._faults.get(fault, 0) + 1
            case "fault.close":
                self._close(text(value, "fault"))
            case "envoy.registered" | "envoy.reregistered" | "actor.resume":
                self._online[actor] = None
            case "actor.kill" | "actor.pause" | "actor.stop" | "envoy.dead":
                self._online.pop(actor, None)
            case "experiment.accepted":
                self._progress(text(value, "experiment"), status=_RUNNING)
            case "round.started":
                self._progress(text(value, "experiment"), round=whole(value, "round") + 1)
            case "experiment.ended":
                self._progress(text(value, "experiment"), status=text(value, "status"))
            case _:
                pass

    def snapshot(
        self, *, now_s: float, until_s: float, wall_s: float, rpcs: int, envoys: int
    ) -> Snapshot:
        """Return the run at this moment."""
        return Snapshot(
            now_s=now_s,
            until_s=until_s,
            wall_s=wall_s,
            phase=self._phase,
            rpcs=rpcs,
            envoys_online=min(envoys, len(self._online)),
            envoys_total=envoys,
            faults_open=tuple(self._faults),
            experiments=tuple(self._experiments.values()),
        )

    def _close(self, fault: str) -> None:
        left = self._faults.pop(fault, 1) - 1
        if left:
            self._faults[fault] = left

    def _progress(self, name: str, *, status: str | None = None, round: int = 0) -> None:  # noqa: A002 - the field's word
        known = self._experiments.get(name)
        if known is None:
            known = ExperimentProgress(
                name=name, status=_RUNNING, round=0, rounds=self.rounds(name)
            )
        self._experiments[name] = replace(
            known, status=status or known.status, round=max(known.round, round)
        )
