"""Records of Directors that went down and came back, for the checker of durability."""

from simulator.checkers.durability import NothingAcknowledgedIsLost
from simulator.history.entry import Json
from tests.simulator.checkers.given import Given, tensor

DURABILITY = NothingAcknowledgedIsLost()

LOSS: list[Json] = ["a", "train", "loss", 1.0, 0]
MEAN: list[Json] = ["aggregator", "train", "loss", 1.0, 0]


def accepted() -> Given:
    """An experiment that its owner was told of."""
    record = Given().envoys("a").frontends("alice")
    record.registers("a").ok()
    record.uploads("alice", "brain").ok()
    return record.at(5)


def finished() -> Given:
    """An experiment that has ended, whose owner has fetched all that there is of it."""
    record = accepted()
    record.asks_status("alice", "brain", "finished").ok()
    record.fetches("alice", "brain", "last", {"w": tensor(1.0)}).ok()
    record.follows("alice", "brain", LOSS, MEAN).ok()
    return record.at(10)


def back(record: Given) -> Given:
    """The Director was away, and its owner has asked for the experiment since."""
    record.restarts().at(20)
    record.asks_status("alice", "brain", "finished").ok()
    return record
