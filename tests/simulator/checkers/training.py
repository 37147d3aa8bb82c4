"""A whole little run, round by round, for the checkers of metrics and models."""

from collections.abc import Mapping, Sequence

from simulator.history.entry import Json, JsonObject
from tests.simulator.checkers.given import Given, tensor

Metric = Sequence[Json]

FIRST: JsonObject = {"w": tensor(0.0, 0.0)}
"""The uploaded model."""
SECOND = tensor(2.5, 5.0)
"""What the first round makes of it: (10 x (1, 2) + 30 x (3, 6)) / 40."""
THIRD = tensor(5.0, 10.0)
"""What the second round makes of that."""

TRAINED: Mapping[tuple[str, int], tuple[float, ...]] = {
    ("a", 0): (1.0, 2.0),
    ("b", 0): (3.0, 6.0),
    ("a", 1): (2.0, 4.0),
    ("b", 1): (6.0, 12.0),
}
SIZES = {"a": 10, "b": 30}
SCORES: Mapping[tuple[str, int], float] = {
    ("a", 0): 0.5,
    ("b", 0): 0.5,
    ("a", 1): 0.25,
    ("b", 1): 0.25,
}
"""The first round's input scores better: the uploaded model is the best."""

METRICS: Sequence[Metric] = [
    ["a", "train", "loss", 0.75, 0],
    ["a", "check", "score", 0.5, 0],
    ["b", "train", "loss", 0.25, 0],
    ["b", "check", "score", 0.5, 0],
    ["aggregator", "train", "loss", 0.375, 0],
    ["aggregator", "check", "score", 0.5, 0],
    ["a", "train", "loss", 0.75, 1],
    ["a", "check", "score", 0.25, 1],
    ["b", "train", "loss", 0.25, 1],
    ["b", "check", "score", 0.25, 1],
    ["aggregator", "train", "loss", 0.375, 1],
    ["aggregator", "check", "score", 0.25, 1],
]
"""All that a follower of the whole run sees."""

LOSS = {"a": 0.75, "b": 0.25}


def uploaded(identity: str = "plaintext") -> Given:
    record = Given(identity).envoys("a", "b").frontends("alice", "bob")
    record.uploads("alice", "brain", ["a", "b"], rounds=2, model=FIRST).ok()
    return record


def trains(record: Given, who: str, round_number: int) -> Given:
    """Let one collaborator do all it has to do in a round."""
    record.asks_tasks(who, "brain", round_number=round_number).ok()
    metrics: JsonObject = {"loss": [LOSS[who], "trained"]}
    values = TRAINED[who, round_number]
    record.sends(
        who,
        "brain",
        "train",
        round_number,
        size=SIZES[who],
        metrics=metrics,
        tensors={"w": tensor(*values)},
    ).ok()
    return checks(record, who, round_number)


def checks(record: Given, who: str, round_number: int) -> Given:
    score: JsonObject = {"score": [SCORES[who, round_number], "validate_agg"]}
    record.sends(who, "brain", "check", round_number, size=SIZES[who], metrics=score).ok()
    return record


def round_by_all(record: Given, round_number: int) -> Given:
    for who in SIZES:
        trains(record, who, round_number)
    return record


def inputs_given(record: Given) -> Given:
    """Let both collaborators fetch what they go on from."""
    for who in ("a", "b"):
        record.is_given(who, "brain", "w", 0, tensor(0.0, 0.0)).ok()
    round_by_all(record, 0)
    for who in ("a", "b"):
        record.is_given(who, "brain", "w", 1, SECOND).ok()
    return record


def finished(record: Given) -> Given:
    """Let it be seen that all is over."""
    record.asks_status("alice", "brain", "finished").ok()
    return record


def whole_run() -> Given:
    record = uploaded()
    for round_number in (0, 1):
        round_by_all(record, round_number)
    return finished(record)
