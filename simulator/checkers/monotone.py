"""What only ever grows: last_updated, rounds, progress."""

from bisect import bisect_left
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from simulator.checkers.base import Checker, Docket, when
from simulator.checkers.experiments import Experiments, owner_of
from simulator.history.calls import Call
from simulator.history.entry import JsonObject
from simulator.history.fields import number, tables, text, whole
from simulator.history.history import History


class _Reading(NamedTuple):
    """A value that somebody was shown."""

    key: Hashable
    """What it is the value of; only readings of the same key are compared."""
    value: tuple[float, ...]
    """Compared as tuples are: what comes first weighs most."""
    what: str


@dataclass(slots=True)
class _Crest:
    """The greatest value seen so far, by the answers that showed it."""

    _indexes: list[int] = field(default_factory=list)
    _values: list[tuple[float, ...]] = field(default_factory=list)
    _calls: list[Call] = field(default_factory=list)

    def before(self, index: int) -> tuple[tuple[float, ...], Call] | None:
        """Return the greatest value among answers that stand before an entry."""
        position = bisect_left(self._indexes, index) - 1
        return None if position < 0 else (self._values[position], self._calls[position])

    def rise(self, call: Call, value: tuple[float, ...]) -> None:
        """Take in the next answer; they come in the order of the record."""
        if self._values and self._values[-1] >= value:
            return
        self._indexes.append(call.ended_index)
        self._values.append(value)
        self._calls.append(call)


class NothingGoesBack(Checker):
    """Later answers never show less than earlier ones."""

    guarantee = "monotone"
    promise = "`last_updated`, round and progress never go back; progress lies between 0 and 1."

    def examine(self, history: History, docket: Docket) -> None:
        experiments = Experiments(history)
        crests: dict[Hashable, _Crest] = {}
        for call in sorted(_reads(history), key=lambda call: call.ended_index):
            for reading in _readings(history, experiments, call):
                docket.occasion()
                crest = crests.setdefault(reading.key, _Crest())
                higher = crest.before(call.invoke_index)
                if higher is not None and higher[0] > reading.value:
                    docket.broken(
                        f"{reading.what} went back from {_shown(higher[0])} {when(higher[1])} to"
                        f" {_shown(reading.value)} {when(call)}",
                        higher[1],
                        call,
                    )
                crest.rise(call, reading.value)
            for what, progress in _progresses(call):
                docket.occasion()
                if not 0 <= progress <= 1:
                    docket.broken(f"{what} is said to be {progress:g} {when(call)}", call)


def _reads(history: History) -> Iterator[Call]:
    for topic in ("GetEnvoys", "GetExperimentsList", "GetExperimentDescription"):
        for call in history.calls(topic):
            if call.is_ok:
                yield call


def _readings(history: History, experiments: Experiments, call: Call) -> Iterator[_Reading]:
    # What was not acknowledged may be lost by a restart: signs of life and half a round's results.
    life = history.life(call.invoke_index)
    is_of_one_life = not history.spans_a_restart(call.invoke_index, call.ended_index)
    match call.topic:
        case "GetEnvoys" if is_of_one_life:
            for item in tables(call.response, "envoys"):
                name = text(item, "name")
                what = f"last_updated of {name}"
                yield _Reading(("envoy", life, name), (number(item, "updated"),), what)
        case "GetExperimentsList":
            for item in tables(call.response, "experiments"):
                key = _generation(experiments, call, text(item, "name"))
                if key is not None and is_of_one_life:
                    yield _progress(("list", life, *key), item)
        case "GetExperimentDescription":
            key = _generation(experiments, call, text(call.request, "experiment"))
            if key is not None:
                yield from _of_description(call.response, key, life if is_of_one_life else None)
        case _:
            pass


def _of_description(
    described: JsonObject, key: tuple[Hashable, ...], life: int | None
) -> Iterator[_Reading]:
    name = text(described, "name")
    yield _Reading(
        ("round", *key), (whole(described, "current_round"),), f"the round of experiment {name!r}"
    )
    if life is None:
        return
    yield _progress(("description", life, *key), described)
    for collaborator in tables(described, "collaborators"):
        who = text(collaborator, "name")
        # Progress may be counted anew in each round.
        yield _Reading(
            ("collaborator", life, *key, who),
            (whole(collaborator, "round"), number(collaborator, "progress")),
            f"round and progress of {who} in experiment {name!r}",
        )


def _progress(key: tuple[Hashable, ...], item: JsonObject) -> _Reading:
    what = f"the progress of experiment {text(item, 'name')!r}"
    return _Reading(key, (number(item, "progress"),), what)


def _generation(experiments: Experiments, call: Call, name: str) -> tuple[Hashable, ...] | None:
    owner = owner_of(call)
    generation = experiments.generation(owner, name, call)
    return None if generation is None else (owner, name, generation)


def _progresses(call: Call) -> Iterator[tuple[str, float]]:
    if call.topic == "GetExperimentsList":
        for item in tables(call.response, "experiments"):
            yield f"the progress of experiment {text(item, 'name')!r}", number(item, "progress")
    elif call.topic == "GetExperimentDescription":
        name = text(call.response, "name")
        yield f"the progress of experiment {name!r}", number(call.response, "progress")
        for item in tables(call.response, "collaborators"):
            who = text(item, "name")
            yield f"the progress of {who} in experiment {name!r}", number(item, "progress")


def _shown(value: tuple[float, ...]) -> str:
    return ", ".join(f"{part:.12g}" for part in value)
