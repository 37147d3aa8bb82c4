"""What is known of the models of one run, round by round.

A model is known bit for bit where a collaborator fetched it, and but for rounding where all that
went into it is recorded.  What is not known refutes nothing.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import TypeVar

from simulator.checkers.metrics import mean
from simulator.checkers.runs import Key, Run
from simulator.checkers.tensors import Mean, digest, model_of, weighted_mean
from simulator.history.calls import Call
from simulator.history.entry import JsonObject
from simulator.history.fields import as_number, items, number, table

MOST_WAYS = 64
"""More ways than this in which a round may have closed are not tried out."""

BEST = "validate_agg"
"""The tag of the metric by which the best model is chosen."""

TIE = 1e-6
"""Scores this close may have been ordered either way by rounding."""

Model = dict[str, JsonObject]
"""Tensors by name."""

T = TypeVar("T")


class Models:
    """The models of one run; number 0 is the uploaded one, number n what n rounds made of it."""

    def __init__(self, run: Run) -> None:
        self.run = run
        upload = run.submission.call
        self._names = tuple(model_of(upload.request, "model"))
        self.exact: dict[tuple[int, str], tuple[str, Call]] = {
            (0, name): (digest(tensor), upload)
            for name, tensor in model_of(upload.request, "model").items()
        }
        """Digests by number and tensor, and the call that told each first."""
        self._means: dict[tuple[int, str], list[Mean]] = {}
        self._scores: dict[int, tuple[float, float] | None] = {}

    def learn(self, number: int, name: str, tensor: JsonObject, call: Call) -> None:
        """Take in a tensor that somebody was given as that of a model, if it is the first."""
        self.exact.setdefault((number, name), (digest(tensor), call))

    def refutes(self, number: int, model: Model) -> bool:
        """Whether a model is certainly not the one with that number."""
        return any(
            name not in model or self.refutes_tensor(number, name, model[name])
            for name in self._names
        )

    def refutes_tensor(self, number: int, name: str, tensor: JsonObject) -> bool:
        """Whether a tensor is certainly not that of the model with that number."""
        known = self.exact.get((number, name))
        if known is not None:
            return digest(tensor) != known[0]
        return self.contradicts_results(number, name, tensor)

    def contradicts_results(self, number: int, name: str, tensor: JsonObject) -> bool:
        """Whether what was sent in the round before cannot have made a tensor."""
        key = (number, name)
        if key not in self._means:
            self._means[key] = _means(self.run, number - 1, name)
        possible = self._means[key]
        return bool(possible) and not any(mean.allows(tensor) for mean in possible)

    def best_of(self, rounds: int) -> list[int] | None:
        """Return which models may be the best after so many rounds; None where nobody can tell."""
        scores = [self._score(number) for number in range(rounds)]
        known = [score for score in scores if score is not None]
        if not known or len(known) < len(scores):
            return None
        highest = max(low for low, _ in known)
        slack = TIE * max(1.0, abs(highest))
        return [number for number, (_, high) in enumerate(known) if high >= highest - slack]

    def _score(self, round_number: int) -> tuple[float, float] | None:
        if round_number not in self._scores:
            self._scores[round_number] = _score(self.run, round_number)
        return self._scores[round_number]


def _means(run: Run, round_number: int, name: str) -> list[Mean]:
    """Return what a round may have made of a tensor; nothing where that cannot be told."""
    sent = {
        key: calls
        for key, calls in run.results.get(round_number, {}).items()
        if any(name in table(call.request, "tensors") for call in calls)
    }
    if len({key.task for key in sent}) != 1:
        return []
    found: list[Mean] = []
    for way in _ways(run, sent):
        tensors = [
            (number(call.request, "data_size"), table(table(call.request, "tensors"), name))
            for call in way
            if name in table(call.request, "tensors")
        ]
        possible = weighted_mean(tensors)
        if possible is None:
            return []
        found.append(possible)
    return found


def _score(run: Run, round_number: int) -> tuple[float, float] | None:
    """Return between what the score of a round's input model lies."""
    sent: dict[Key, list[Call]] = {}
    measures: set[tuple[str, str]] = set()
    for key, calls in run.results.get(round_number, {}).items():
        named = {name for call in calls for name in _scores_of(call)}
        if named:
            sent[key] = calls
            measures.update((key.task, name) for name in named)
    if len(measures) != 1:
        return None
    ((_, name),) = measures
    scores = [
        mean([(number(call.request, "data_size"), _scores_of(call)[name]) for call in way])
        for way in _ways(run, sent)
        if all(name in _scores_of(call) for call in way)
    ]
    return (min(scores), max(scores)) if scores else None


def _scores_of(result: Call) -> dict[str, float]:
    metrics = table(result.request, "metrics")
    found: dict[str, float] = {}
    for name in metrics:
        value, *tags = items(metrics, name)
        if BEST in tags:
            found[name] = as_number(value, name)
    return found


def _ways(run: Run, sent: dict[Key, list[Call]]) -> Iterator[tuple[Call, ...]]:
    """Yield in which ways a round may have closed; nothing where there are too many.

    Each sender sent for one task only, and counts if it had reported all of its tasks.
    """
    options: list[Sequence[Call | None]] = [
        [*_different(calls), *([] if run.must_count(key.sender, key.round) else [None])]
        for key, calls in sent.items()
        if run.may_count(key.sender, key.round)
    ]
    ways = 1
    for option in options:
        ways *= len(option)
    if ways > MOST_WAYS:
        return
    for way in product(*options):
        counted = tuple(call for call in way if call is not None)
        if counted:
            yield counted


def _different(calls: Sequence[Call]) -> list[Call]:
    """Leave out what was sent again unchanged."""
    found: list[Call] = []
    for call in calls:
        what = _content(call)
        if all(_content(other) != what for other in found):
            found.append(call)
    return found


def _content(call: Call) -> tuple[object, object, object]:
    return (call.request["data_size"], call.request["tensors"], call.request["metrics"])
