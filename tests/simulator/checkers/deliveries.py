"""An experiment that was uploaded for some."""

from tests.simulator.checkers.given import Given


def uploaded() -> Given:
    record = Given().envoys("a", "b").frontends("alice")
    record.uploads("alice", "brain", ["a"]).ok()
    return record
