"""What became of each experiment: its life, its rounds, and how its loss fell."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from simulator.checkers.liveness_stories import Story, stories
from simulator.checkers.outcomes import Ending, Experiment, experiment_endings
from simulator.history.calls import Call
from simulator.history.entry import Json
from simulator.history.fields import RecordError, items, number, table, text, texts, whole
from simulator.history.history import History

AGGREGATOR = "aggregator"
"""The origin of the metrics that speak for a whole round."""

# What people call a metric that is to fall; accuracies and the like are none.
_LOSS = re.compile(
    r"loss|error|entropy|perplexity|(^|[^a-z])(mse|rmse|mae|nll)($|[^a-z])", re.IGNORECASE
)
# That of the training is the likeliest to be there in each round.
_TRAINING = "train"


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One metric, round by round."""

    metric: str
    """Task and name: `train/loss`."""
    points: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentLine:
    """One experiment that somebody wanted to run."""

    name: str
    owner: str
    outcome: str
    """How it stood at the end; "" where nobody knows."""
    told: str
    """How that is known."""
    collaborators: tuple[str, ...]
    submitted_s: float
    accepted_s: float | None
    """None: it never was."""
    ended_s: float | None
    """When it was first seen to have ended, or was removed."""
    rounds: int
    """As many as it was to take; 0 where the upload did not say."""
    rounds_done: int
    """How many were closed, as far as the Director's metrics and the next round tell."""
    rounds_begun: tuple[tuple[int, float], ...]
    """Each round, and when its first collaborator began it."""
    loss: Curve | None


def experiment_lines(history: History) -> tuple[ExperimentLine, ...]:
    """Return every experiment that somebody uploaded, in the order of the first upload."""
    told = {Experiment(story.owner, story.name): story for story in stories(history)}
    firsts: dict[Experiment, Call] = {}
    for call in history.calls("SetNewExperiment"):
        firsts.setdefault(Experiment(call.actor, text(call.request, "experiment")), call)
    return tuple(
        _line(history, firsts[experiment], told.get(experiment), ending)
        for experiment, ending in experiment_endings(history).items()
    )


def _line(history: History, first: Call, story: Story | None, ending: Ending) -> ExperimentLine:
    upload = first if story is None else story.accepted
    streamed = {} if story is None else _streamed(history, story)
    begun = () if story is None else _rounds_begun(history, story)
    return ExperimentLine(
        name=text(first.request, "experiment"),
        owner=first.actor,
        outcome=ending.outcome,
        told=ending.told,
        collaborators=texts(upload.request, "collaborators"),
        submitted_s=first.invoked_at,
        accepted_s=None if story is None else story.accepted_at,
        ended_s=None if story is None else _ended(story),
        rounds=whole(upload.request, "rounds", 0),
        rounds_done=max(
            # The Director tells a round's metrics when it closes it, and then begins the next.
            *(nth + 1 for points in streamed.values() for nth in points),
            *(nth for nth, _ in begun),
            whole(upload.request, "rounds", 0) if ending.outcome == "finished" else 0,
            0,
        ),
        rounds_begun=begun,
        loss=None if story is None else _fullest(_loss(streamed), _loss(_sent(history, story))),
    )


def _ended(story: Story) -> float | None:
    """Return when an experiment was over: ended, or no longer there."""
    if story.ended is not None:
        return story.ended[0]
    if story.removed is not None:
        answered_at = story.removed.completed_at
        return story.removed.invoked_at if answered_at is None else answered_at
    return next((read.time for read in story.readings if read.status == "removed"), None)


def _is_of(story: Story, index: int) -> bool:
    """Whether a place in the record lies within the life of an experiment of that name."""
    removed = story.removed
    return story.accepted.invoke_index < index and (removed is None or index < removed.ended_index)


def _rounds_begun(history: History, story: Story) -> tuple[tuple[int, float], ...]:
    found: dict[int, float] = {}
    for note in history.notes("round.started"):
        if text(note.value, "experiment") == story.name and _is_of(story, note.index):
            found.setdefault(whole(note.value, "round"), note.time)
    return tuple(sorted(found.items()))


# ---------------------------------------------------------------- the loss


def _fullest(told: Curve | None, sent: Curve | None) -> Curve | None:
    """Return what the Director tells of the loss, unless more is known from what it was sent."""
    if told is None or sent is None:
        return told or sent
    return sent if len(sent.points) > len(told.points) else told


def _loss(curves: "_Curves") -> Curve | None:
    """Return how the loss fell; None where no metric is one."""
    losses = [metric for metric in curves if _LOSS.search(metric.rpartition("/")[2])]
    chosen = next((metric for metric in losses if _TRAINING in metric), next(iter(losses), None))
    if chosen is None:
        return None
    return Curve(metric=chosen, points=tuple(sorted(curves[chosen].items())))


_Curves = Mapping[str, dict[int, float]]


def _streamed(history: History, story: Story) -> _Curves:
    followed = [
        items(call.response, "metrics")
        for call in history.calls("GetMetricStream", story.owner)
        if text(call.request, "experiment") == story.name
        and _is_of(story, call.invoke_index)
        and "metrics" in call.response
    ]
    curves: dict[str, dict[int, float]] = {}
    # Each follower sees all from the start: whoever saw most saw everything.
    for row in max(followed, key=len, default=()):
        origin, task, name, value, round_number = _metric(row)
        if origin == AGGREGATOR:
            curves.setdefault(f"{task}/{name}", {})[round_number] = value
    return curves


def _metric(row: Json) -> tuple[str, str, str, float, int]:
    match row:
        case [str(origin), str(task), str(name), int() | float() as value, int(round_number)]:
            return origin, task, name, float(value), round_number
        case _:
            raise RecordError(f"{row!r} is no metric: [origin, task, name, value, round]")


def _sent(history: History, story: Story) -> _Curves:
    """Return the mean of what collaborators sent, each by the size of its data."""
    sums: dict[str, dict[int, tuple[float, float]]] = {}
    for call in history.calls("SendLocalTaskResults"):
        if not call.is_ok or text(call.request, "experiment") != story.name:
            continue
        if not _is_of(story, call.invoke_index):
            continue
        weight = number(call.request, "data_size")
        for name, values in table(call.request, "metrics").items():
            match values:
                case [int() | float() as value, *_]:
                    metric = f"{text(call.request, 'task')}/{name}"
                    rounds = sums.setdefault(metric, {})
                    total, weights = rounds.get(whole(call.request, "round"), (0.0, 0.0))
                    summed = (total + weight * value, weights + weight)
                    rounds[whole(call.request, "round")] = summed
                case _:
                    raise RecordError(f"{values!r} is no value of a metric")
    return {
        metric: {nth: total / weights for nth, (total, weights) in rounds.items() if weights}
        for metric, rounds in sums.items()
    }
