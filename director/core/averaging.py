"""How the tensors of several collaborators become one: a small registry of aggregations, by name.

Each works on one tensor at a time, in float64, and gives float32.  The server optimisers are those
of Reddi et al., "Adaptive Federated Optimization" (ICLR 2021), algorithm 2; they remember moments
from round to round, which whoever restores a run has to give back to them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from director.core.model import Array, Model, Plan
from director.core.numeric import WideFloats, np

WEIGHTED_AVERAGE = "weighted_average"
PICKLED = "pickled"
"""Not one of ours: a function that the experiment brings, and that somebody else has to run."""

_SMOOTHING = 1e-7
_WEISZFELD_STEPS = 200
_PARTS = ("first", "second")


class Combiner(Protocol):
    """Makes one tensor of several; weights are numbers of samples, and may all be zero."""

    def combine(
        self, name: str, base: Array | None, values: Sequence[Array], weights: Sequence[float]
    ) -> Array:
        """Return the aggregate; `base` is what the collaborators started from, if anything."""

    @property
    def memory(self) -> Model:
        """What it has to be given back to go on after a restart."""

    def recall(self, memory: Model) -> None:
        """Go on where another, whose memory this was, has stopped."""


def weighted_mean(values: Sequence[Array], weights: Sequence[float]) -> WideFloats:
    """Return the mean; where all weights are zero, everybody counts the same."""
    shares = weights if any(weights) else [1.0] * len(values)
    total = np.zeros(values[0].shape, np.float64)
    for value, share in zip(values, shares, strict=True):
        total += np.multiply(value, share, dtype=np.float64)
    return np.asarray(total / np.float64(sum(shares)), np.float64)


def median(values: Sequence[Array], weights: Sequence[float]) -> WideFloats:
    """Return the median of each element; weights do not count, as in OpenFL."""
    del weights
    middle: WideFloats = np.median(np.stack(values).astype(np.float64), axis=0)
    return np.asarray(middle)


def geometric_median(values: Sequence[Array], weights: Sequence[float]) -> WideFloats:
    """Return the point with the least weighted sum of distances, by Weiszfeld's iteration.

    Distances are kept above a small share of the spread, as Pillutla et al. do in "Robust
    Aggregation for Federated Learning" (2022): the iteration could otherwise divide by zero.
    """
    shares = np.asarray(weights if any(weights) else [1.0] * len(values), np.float64)
    points = np.stack(values).astype(np.float64).reshape(len(values), -1)
    estimate: WideFloats = shares @ points / shares.sum()
    floor = _SMOOTHING * float(np.linalg.norm(points - estimate, axis=1).max())
    if floor > 0:
        for _ in range(_WEISZFELD_STEPS):
            distances = np.maximum(np.linalg.norm(points - estimate, axis=1), floor)
            pulls = shares / distances
            moved = pulls @ points / pulls.sum()
            step = float(np.linalg.norm(moved - estimate))
            estimate = moved
            if step <= floor:
                break
    return estimate.reshape(values[0].shape)


@dataclass(frozen=True, slots=True)
class Memoryless:
    """An aggregation that sees one round at a time."""

    function: Callable[[Sequence[Array], Sequence[float]], WideFloats]

    def combine(
        self, name: str, base: Array | None, values: Sequence[Array], weights: Sequence[float]
    ) -> Array:
        del name, base
        return self.function(values, weights).astype(np.float32)

    @property
    def memory(self) -> Model:
        return {}

    def recall(self, memory: Model) -> None:
        del memory


class Moment(Protocol):
    """How the second moment of a server optimiser follows the square of the latest change."""

    def __call__(self, moment: WideFloats, square: WideFloats, beta: float) -> WideFloats: ...


def adagrad(moment: WideFloats, square: WideFloats, beta: float) -> WideFloats:
    """Return the sum of all squares so far."""
    del beta
    return moment + square


def adam(moment: WideFloats, square: WideFloats, beta: float) -> WideFloats:
    """Return the running mean of the squares."""
    return beta * moment + (1 - beta) * square


def yogi(moment: WideFloats, square: WideFloats, beta: float) -> WideFloats:
    """Return the running mean, which a sudden large square moves less than with Adam."""
    return moment - (1 - beta) * square * np.sign(moment - square)


@dataclass(slots=True, kw_only=True)
class ServerOptimiser:
    """Takes the averaged change of a round for a gradient, and steps along it.

    change = mean(values) - base;  m = b1 m + (1 - b1) change;  v = second(v, change^2);
    result = base + rate * m / (sqrt(v) + tau).  v starts at tau^2, as the paper asks.
    """

    second: Moment
    rate: float = 0.1
    beta1: float = 0.9
    beta2: float = 0.99
    tau: float = 1e-3
    _moments: dict[str, tuple[WideFloats, WideFloats]] = field(default_factory=dict)

    def combine(
        self, name: str, base: Array | None, values: Sequence[Array], weights: Sequence[float]
    ) -> Array:
        mean = weighted_mean(values, weights)
        if base is None:
            return mean.astype(np.float32)
        change = mean - base
        unmoved = np.zeros_like(change), np.full_like(change, self.tau**2)
        first, second = self._moments.get(name, unmoved)
        first = self.beta1 * first + (1 - self.beta1) * change
        second = self.second(second, change**2, self.beta2)
        # Rounded as the memory is kept, so that a restored run goes on with the same bits.
        first = first.astype(np.float32).astype(np.float64)
        second = second.astype(np.float32).astype(np.float64)
        self._moments[name] = first, second
        step = self.rate * first / (np.sqrt(second) + self.tau)
        return np.asarray(base + step).astype(np.float32)

    @property
    def memory(self) -> Model:
        return {
            f"{name}/{part}": moment.astype(np.float32)
            for name, moments in self._moments.items()
            for part, moment in zip(_PARTS, moments, strict=True)
        }

    def recall(self, memory: Model) -> None:
        names = dict.fromkeys(key.rpartition("/")[0] for key in memory)
        for name in names:
            first, second = (memory[f"{name}/{part}"].astype(np.float64) for part in _PARTS)
            self._moments[name] = first, second


AGGREGATIONS: Mapping[str, Callable[[], Combiner]] = {
    WEIGHTED_AVERAGE: lambda: Memoryless(weighted_mean),
    "median": lambda: Memoryless(median),
    "geometric_median": lambda: Memoryless(geometric_median),
    "fedadagrad": lambda: ServerOptimiser(second=adagrad),
    "fedadam": lambda: ServerOptimiser(second=adam),
    "fedyogi": lambda: ServerOptimiser(second=yogi),
}


def combiners_of(plan: Plan) -> dict[str, Combiner]:
    """Return an aggregation for each task of a plan, but for those that are not ours."""
    chosen = {
        task.name: plan.aggregations.get(task.function_name, WEIGHTED_AVERAGE)
        for task in plan.tasks
    }
    return {task: AGGREGATIONS[name]() for task, name in chosen.items() if name != PICKLED}


def memory_of(combiners: Mapping[str, Combiner]) -> Model:
    """Return what all of them have to be given back, each under its own name."""
    return {
        f"{owner}/{name}": value
        for owner, combiner in combiners.items()
        for name, value in combiner.memory.items()
    }


def recall(combiners: Mapping[str, Combiner], memory: Model) -> None:
    """Let all of them go on from what `memory_of` had returned."""
    for owner, combiner in combiners.items():
        prefix = f"{owner}/"
        combiner.recall(
            {
                name.removeprefix(prefix): value
                for name, value in memory.items()
                if name.startswith(prefix)
            }
        )


def aggregated_by(default: str, plan: Plan) -> Plan:
    """Return the plan with an aggregation for every function that it names none for."""
    if default == WEIGHTED_AVERAGE:
        return plan
    functions = dict.fromkeys((task.function_name for task in plan.tasks), default)
    return replace(plan, aggregations=functions | dict(plan.aggregations))
