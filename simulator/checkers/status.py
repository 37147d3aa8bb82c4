"""The life of an experiment as its owner is told of it."""

from collections.abc import Hashable
from dataclasses import dataclass, field

from simulator.checkers.base import Checker, Docket, when
from simulator.checkers.experiments import Experiments, Sighting, sightings
from simulator.history.history import History

RANKS = {"pending": 0, "in_progress": 1, "rejected": 2, "finished": 2, "failed": 2}
"""Statuses by how late in a life they come; of the last rank, each excludes the others."""

_ENDED = 2
_EXCLUDED = {"rejected": frozenset({"in_progress"}), "in_progress": frozenset({"rejected"})}
"""Statuses that cannot both occur in one life, in whatever order; ended ones never can."""


@dataclass(slots=True)
class _Life:
    """What was seen of one experiment so far, in the order of the answers."""

    furthest: list[Sighting] = field(default_factory=list)
    """Each is further on than the one before."""
    seen: dict[str, Sighting] = field(default_factory=dict)
    """The first of each status."""


class StatusesFollowTheTable(Checker):
    """An experiment's statuses come in order, and the last one stays."""

    guarantee = "status-machine"
    promise = (
        "pending leads to rejected or in_progress, in_progress to finished or failed; an ended"
        " experiment stays as it is."
    )

    def examine(self, history: History, docket: Docket) -> None:
        experiments = Experiments(history)
        lives: dict[Hashable, _Life] = {}
        for sighting in sightings(history):
            generation = experiments.generation(sighting.owner, sighting.name, sighting.call)
            if generation is None:
                continue
            life = lives.setdefault((sighting.owner, sighting.name, generation), _Life())
            docket.occasion()
            if not sighting.status:
                _judge_absence(history, docket, sighting, life)
            elif sighting.status not in RANKS:
                docket.broken(
                    f"{_what(sighting)} was said to be {sighting.status!r} {_when(sighting)}, which"
                    " is no status",
                    sighting.call,
                )
            else:
                _judge_status(docket, sighting, life)
                _remember(sighting, life)


def _judge_absence(history: History, docket: Docket, sighting: Sighting, life: _Life) -> None:
    earlier = _before(sighting, life)
    if earlier is None or history.spans_a_restart(
        earlier.call.invoke_index, sighting.call.ended_index
    ):
        return
    docket.broken(
        f"{_what(sighting)}, seen {earlier.status} {_when(earlier)}, was said not to exist"
        f" {_when(sighting)}, though its owner had not removed it",
        earlier.call,
        sighting.call,
    )


def _judge_status(docket: Docket, sighting: Sighting, life: _Life) -> None:
    earlier = _before(sighting, life)
    if earlier is not None and RANKS[earlier.status] > RANKS[sighting.status]:
        docket.broken(
            f"{_what(sighting)} was {earlier.status} {_when(earlier)} and {sighting.status} again"
            f" {_when(sighting)}",
            earlier.call,
            sighting.call,
        )
        return
    for status, other in life.seen.items():
        if _exclude(status, sighting.status):
            docket.broken(
                f"{_what(sighting)} was {status} {_when(other)} and {sighting.status}"
                f" {_when(sighting)}: no experiment can be both",
                other.call,
                sighting.call,
            )
            return


def _exclude(one: str, other: str) -> bool:
    if one == other:
        return False
    both_ended = RANKS[one] == RANKS[other] == _ENDED
    return both_ended or other in _EXCLUDED.get(one, ())


def _before(sighting: Sighting, life: _Life) -> Sighting | None:
    """Return how far it had come, as far as answers tell that came before this was asked."""
    for earlier in reversed(life.furthest):
        if earlier.call.ended_index < sighting.call.invoke_index:
            return earlier
    return None


def _remember(sighting: Sighting, life: _Life) -> None:
    life.seen.setdefault(sighting.status, sighting)
    if not life.furthest or RANKS[sighting.status] > RANKS[life.furthest[-1].status]:
        life.furthest.append(sighting)


def _what(sighting: Sighting) -> str:
    return f"experiment {sighting.name[:60]!r} of {sighting.owner or 'nobody'}"


def _when(sighting: Sighting) -> str:
    return when(sighting.call)
