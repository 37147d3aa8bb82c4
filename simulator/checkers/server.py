"""The server as a whole: it goes on answering, gives back what it took, and runs nobody's code."""

from collections.abc import Sequence

from simulator.checkers.answers import LONG, is_answered
from simulator.checkers.base import Checker, Docket, at
from simulator.checkers.liveness_facts import Peace, lived_through, lives
from simulator.history.calls import Call
from simulator.history.entry import Entry
from simulator.history.fields import number, text, whole
from simulator.history.history import History

PATIENCE_S = 1.0
"""What an answer may take beyond the journey there and back before anybody doubts the server."""

SILENCE = 20
"""So many calls in a row that nobody answers are no chance, even where a third of all is lost."""

GONE = ("open_calls", "waits", "streams", "uploads")
"""What must be nothing once everybody has left."""

BASELINE = ("tasks", "descriptors", "temporary")
"""What must be back at what it was before the first fault."""

SLACK = {"descriptors": 8}
"""How much more is no leak: what the interpreter and gRPC open once, and keep."""


class OthersAreAnswered(Checker):
    """Whatever an attacker does, the others are answered."""

    guarantee = "alive"
    promise = "No request, stream or connection pattern stops the server from answering others."

    def examine(self, history: History, docket: Docket) -> None:
        attackers = [actor for actor in history.actors.values() if actor.kind == "attacker"]
        if not attackers:
            return
        began = min(actor.start_index for actor in attackers)
        lag_s = max(
            (number(note.value, "max_s") for note in history.notes("harness.lag")), default=0
        )
        unanswered: list[Call] = []
        for call in _undisturbed(history, began):
            docket.occasion()
            if is_answered(call):
                unanswered.clear()
                continue
            if call.code == "UNAVAILABLE":
                unanswered.append(call)
                if len(unanswered) == SILENCE:
                    _tell_silence(docket, unanswered)
            elif call.completed_at is None or call.code == "DEADLINE_EXCEEDED":
                _judge_hanging(history, docket, call, lag_s)


def _undisturbed(history: History, began: int) -> Sequence[Call]:
    """Return short calls since the first attack, of others, that no fault and no death touched."""
    peace, alive = Peace.of(history), lives(history)
    found = []
    for call in history.all_calls:
        if call.invoke_index < began or call.topic in LONG or call.touches:
            continue
        actor = history.actors.get(call.actor)
        if actor is None or actor.kind == "attacker":
            continue
        until = history.ended_at if call.completed_at is None else call.completed_at
        if (
            peace.left_alone(call, until)
            and lived_through(alive[call.actor], call.invoked_at, until)
            and not history.spans_a_restart(call.invoke_index, call.ended_index)
        ):
            found.append(call)
    return found


def _judge_hanging(history: History, docket: Docket, call: Call, lag_s: float) -> None:
    ended_at = history.ended_at if call.completed_at is None else call.completed_at
    waited_s = ended_at - call.invoked_at
    if waited_s < 2 * history.header.transit_s + PATIENCE_S:
        return
    message = (
        f"{call.topic} of {call.actor}, made {at(call.invoked_at)} while there were attacks, was"
        f" not answered in {waited_s:.1f} s, though nothing was in its way"
    )
    if lag_s > waited_s / 2:
        docket.unsure(f"{message} but a harness that was late by up to {lag_s:.1f} s", call)
    else:
        docket.broken(message, call)


def _tell_silence(docket: Docket, unanswered: list[Call]) -> None:
    first, last = unanswered[0], unanswered[-1]
    docket.broken(
        f"from {first.invoked_at:.1f} s on the server answered nobody: {SILENCE} calls in a row of"
        f" others than attackers failed, {first.topic} of {first.actor} first ({first.code}:"
        f" {first.details!r})",
        first,
        last,
    )


class EverythingIsGivenBack(Checker):
    """What a run took of the server is free again when all have left."""

    guarantee = "leak"
    promise = (
        "After the faults are off, open streams, tasks, file descriptors, temporary files and"
        " memory come back to their baseline."
    )

    def examine(self, history: History, docket: Docket) -> None:
        probes = {text(note.value, "at"): note for note in history.notes("probe")}
        calm, end = probes.get("calm"), probes.get("end")
        if calm is not None and end is None:
            docket.unsure("the record ends before the server was looked into a last time", calm)
        if end is None:
            return
        for what in GONE:
            if what in end.value:
                docket.occasion()
                left = whole(end.value, what)
                if left:
                    docket.broken(
                        f"{left} {_named(what)} are left at the end, after everybody has gone", end
                    )
        if calm is not None:
            _compare(docket, calm, end)


def _compare(docket: Docket, calm: Entry, end: Entry) -> None:
    for what in BASELINE:
        if what not in calm.value or what not in end.value:
            continue
        docket.occasion()
        before, after = whole(calm.value, what), whole(end.value, what)
        if after > before + SLACK.get(what, 0):
            docket.broken(
                f"{after} {_named(what)} are left at the end; in the calm there were {before}",
                calm,
                end,
            )


def _named(what: str) -> str:
    return {"temporary": "temporary files"}.get(what, what.replace("_", " "))


class NobodysCodeRuns(Checker):
    """What is in an archive stays in the archive."""

    guarantee = "no-foreign-code"
    promise = "Nothing in an uploaded archive is unpickled, imported or executed by the Director."

    def examine(self, history: History, docket: Docket) -> None:
        for note in history.notes("canary"):
            docket.occasion()
            sung = whole(note.value, "sung")
            if sung:
                docket.broken(
                    f"code hidden in an uploaded archive ran {sung} times in the Director", note
                )
