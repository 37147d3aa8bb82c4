"""An experiment that was uploaded for some."""

from simulator.checkers.delivery import OnlyTheChosenAreCalled
from tests.simulator.checkers.given import Given

TARGETING = OnlyTheChosenAreCalled()


def uploaded() -> Given:
    record = Given().envoys("a", "b").frontends("alice")
    record.uploads("alice", "brain", ["a"]).ok()
    return record
