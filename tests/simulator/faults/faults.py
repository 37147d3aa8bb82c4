"""Faults as scenarios write them."""

from pydantic import TypeAdapter

from simulator.faults import Fault, FaultBase

_FAULT: TypeAdapter[FaultBase] = TypeAdapter(Fault)


def fault(type_: str, *, targets: object = "all", when: object = None, **rest: object) -> FaultBase:
    """Decode a fault with as little said as possible; `with_` stands for `with`."""
    written = {"id": "f", "type": type_, "when": when or {"at": "1s", "for": "9s"}, **rest}
    if targets is not None:
        written["targets"] = targets
    if "with_" in written:
        written["with"] = written.pop("with_")
    return _FAULT.validate_python(written)


def instant(type_: str, **rest: object) -> FaultBase:
    """Decode a fault that takes no `for`."""
    return fault(type_, when={"at": "1s"}, **rest)


def attack(type_: str, **rest: object) -> FaultBase:
    """Decode a fault that brings mallory in."""
    return instant(type_, targets={"frontend": "mallory", "spawn": True}, **rest)
