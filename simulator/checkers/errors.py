"""What errors say: a documented code, a sentence for people, and nobody else's business."""

import re

from simulator.checkers.answers import COLLABORATOR, is_answered, is_transport_error
from simulator.checkers.base import Checker, Docket, when
from simulator.history.calls import Call
from simulator.history.entry import Json
from simulator.history.history import History

DOCUMENTED = frozenset(
    {
        "INVALID_ARGUMENT",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "UNAUTHENTICATED",
        "RESOURCE_EXHAUSTED",
        "UNAVAILABLE",
    }
)
"""The codes that a Director answers with."""

FOR_COLLABORATORS = frozenset({"UNAUTHENTICATED", "UNAVAILABLE"})
"""The only codes at which an OpenFL collaborator stops or waits; on any other it spins."""

_AGAIN = ("SendLocalTaskResults", "INVALID_ARGUMENT")
"""Where nothing of the results arrived, this makes it send them from the beginning, at once."""

_OURS = frozenset({"", "DEADLINE_EXCEEDED", "CANCELLED", "KILLED"})
"""Codes that the client's own end made."""

_EXCEPTION = re.compile(
    r"Unexpected <class|Traceback \(most recent|Exception calling application|File \"[^\"]+\", line"
    r"|\b[A-Z][A-Za-z]*(?:Error|Exception)\b"
)
_PATH = re.compile(r"(?<![\w:/.])/(?:[\w.+@-]+/)+[\w.+@-]*|\b[A-Za-z]:\\\w")
_WORD = re.compile(r"[\w.@+-]+")
_QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"")
_PROTOCOL = frozenset(
    {
        "aggregator",
        "attacker",
        "collaborator",
        "director",
        "envoy",
        "experiment",
        "federation",
        "frontend",
        "nobody",
        "observer",
        "shard",
        "somebody",
    }
)
"""Words of every message, whoever may be called so."""


class ErrorsAreForPeople(Checker):
    """An error has a documented code and a clear message that betrays nothing."""

    guarantee = "errors"
    promise = (
        "Every error is one of the documented set with a clear message, never a Python exception;"
        " details leak no path and no other user's name."
    )

    def examine(self, history: History, docket: Docket) -> None:
        names = {actor.identity for actor in history.actors.values()} | set(history.actors)
        for call in history.all_calls:
            if call.is_ok or call.code in _OURS or is_transport_error(call):
                continue
            docket.occasion()
            wrong = _wrong_with(call, names)
            if wrong is not None:
                docket.broken(
                    f"{call.topic} of {call.actor} was answered {call.code} {when(call)}: {wrong}:"
                    f" {call.details[:200]!r}",
                    call,
                )


def _wrong_with(call: Call, names: set[str]) -> str | None:
    """Return what is wrong with an error; None where it is as it should be."""
    if call.code not in DOCUMENTED:
        return "the code is not a documented one"
    if (
        call.topic in COLLABORATOR
        and call.code not in FOR_COLLABORATORS
        and (call.topic, call.code) != _AGAIN
    ):
        return "an OpenFL collaborator spins on this code"
    if call.code == "UNAVAILABLE" and call.touches:
        return None  # A fault said it, not the Director.
    if is_answered(call) and not call.details.strip():
        return "it says nothing"
    return _wrong_in(_without(call.details, _own_words(call)), names - {call.actor, call.identity})


def _wrong_in(said: str, others: set[str]) -> str | None:
    if _EXCEPTION.search(said):
        return "it carries a Python exception"
    path = _PATH.search(said)
    if path is not None:
        return f"it tells a path of the server ({path[0]})"
    leaked = sorted(_mentioned(said) & others)
    return f"it tells another user's name ({leaked[0]})" if leaked else None


def _own_words(call: Call) -> list[str]:
    """What the caller said itself may be said back to it."""
    words: list[str] = []
    waiting: list[Json] = list(call.request.values())
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            words.append(value)
        elif isinstance(value, list | tuple):
            waiting.extend(value)
    # The longest first, so that one which contains another goes as a whole.
    return sorted((word for word in words if word), key=len, reverse=True)


def _without(details: str, words: list[str]) -> str:
    for word in words:
        for written in (repr(word)[1:-1], word):
            details = details.replace(written, "…")
    return details


def _mentioned(details: str) -> set[str]:
    quoted = {one or other for one, other in _QUOTED.findall(details)}
    words = {word.strip(".") for word in _WORD.findall(details)}
    return (quoted | {word for word in words if len(word) > 2}) - _PROTOCOL - {""}  # noqa: PLR2004
