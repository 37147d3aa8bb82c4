"""Who one is under TLS, and who does not even get in."""

from simulator.checkers.answers import (
    COLLABORATOR,
    ENVOY,
    FAILURE,
    is_answered,
    is_impostor,
)
from simulator.checkers.base import Checker, Docket, when
from simulator.checkers.experiments import Experiments
from simulator.history.calls import Call
from simulator.history.fields import flag, items, text, whole
from simulator.history.history import History

NAMELESS = "no_common_name"
"""The one bad certificate that passes the handshake: the application has to refuse it."""

_DOORS = frozenset({"UNAUTHENTICATED", "PERMISSION_DENIED"})


def knockers(history: History) -> dict[str, str]:
    """Return who came with a certificate that must not be let in, and what was wrong with it."""
    found = {
        note.actor: text(note.value, "mode")
        for note in history.notes("fault.touch")
        if note.call < 0 and text(note.value, "type") == "identity.certificate"
    }
    for note in history.notes("handler"):
        if note.actor:
            found.setdefault(note.actor, text(note.value, "attack"))
    return found


class NamesAreCertified(Checker):
    """Under TLS nobody acts for another; and archives are for participants."""

    guarantee = "binding"
    promise = (
        "Under TLS the common name is the identity: an envoy acts only under its own name,"
        " `client_id` is ignored, a certificate without a common name is refused; archives go only"
        " to participants."
    )

    def examine(self, history: History, docket: Docket) -> None:
        _judge_archives(history, docket)
        if history.header.identity != "mtls":
            return
        runs = _runs(history)
        for topic in (*ENVOY, *COLLABORATOR):
            for call in history.calls(topic):
                if is_answered(call) and call.identity and is_impostor(history, call):
                    docket.occasion()
                    _judge_impostor(docket, call, runs)
        shut_out = {actor for actor, wrong in knockers(history).items() if wrong != NAMELESS}
        for call in history.all_calls:
            if not call.identity and call.actor not in shut_out and is_answered(call):
                docket.occasion()
                _judge_nameless(docket, call)


def _judge_archives(history: History, docket: Docket) -> None:
    experiments = Experiments(history)
    for call in history.calls("GetExperimentData"):
        if not whole(call.response, "chunks", 0):
            continue
        docket.occasion()
        name, envoy = text(call.request, "experiment"), text(call.request, "name")
        found = experiments.candidates(name, call)
        if found and not any(submission.has(envoy) for submission in found):
            docket.broken(
                f"{call.actor} downloaded the archive of {name[:60]!r} {when(call)} as {envoy},"
                " which takes no part in it",
                found[-1].call,
                call,
            )


def _runs(history: History) -> frozenset[str]:
    """Return the federations whose aggregator has given work to its own collaborators."""
    return frozenset(
        text(call.request, "federation")
        for call in history.calls("GetTasks")
        if call.is_ok and not is_impostor(history, call) and items(call.response, "tasks")
    )


def _judge_impostor(docket: Docket, call: Call, runs: frozenset[str]) -> None:
    if not _has_acted(call, runs):
        return
    docket.broken(
        f"{call.actor}, whose certificate names {call.identity}, was let act as"
        f" {text(call.request, 'name')}: {call.topic} was answered OK {when(call)}",
        call,
    )


def _has_acted(call: Call, runs: frozenset[str]) -> bool:
    if not call.is_ok:
        return False
    match call.topic:
        case "UpdateShardInfo":
            return flag(call.response, "accepted")
        case "GetExperimentData":
            return whole(call.response, "chunks") > 0
        case "GetTasks":
            return bool(items(call.response, "tasks"))
        case "GetAggregatedTensor" | "SendLocalTaskResults":
            # Of a run that is not there everybody's results are thrown away.
            return text(call.request, "federation") in runs
        case _:
            return True


def _judge_nameless(docket: Docket, call: Call) -> None:
    if call.is_ok and call.topic != FAILURE:  # Who reports a failure hears OK, whoever it is.
        docket.broken(
            f"{call.topic} of {call.actor}, whose certificate has no common name, was answered OK"
            f" {when(call)}",
            call,
        )
    elif not call.is_ok and call.code not in _DOORS:
        docket.broken(
            f"{call.topic} of {call.actor}, whose certificate has no common name, was answered"
            f" {call.code} {when(call)}, as if that were somebody: {call.details!r}",
            call,
        )


class BadCertificatesStayOutside(Checker):
    """Who may not come in does not reach the code behind the door."""

    guarantee = "tls"
    promise = (
        "An expired, not-yet-valid, foreign-CA, self-signed or missing client certificate, or"
        " plaintext, never reaches a handler, and good clients are served meanwhile."
    )

    def examine(self, history: History, docket: Docket) -> None:
        strangers = knockers(history)
        for note in history.notes("handler"):
            attack, reached = text(note.value, "attack"), whole(note.value, "reached")
            if attack == NAMELESS:
                continue
            docket.occasion()
            if reached:
                docket.broken(
                    f"{reached} calls of {note.actor or 'an attacker'} with a bad certificate"
                    f" ({attack.replace('_', ' ')}) reached a handler",
                    note,
                )
        for call in history.all_calls:
            wrong = strangers.get(call.actor, NAMELESS)
            if wrong == NAMELESS:
                continue
            docket.occasion()
            if is_answered(call):
                docket.broken(
                    f"{call.topic} of {call.actor}, with a bad certificate"
                    f" ({wrong.replace('_', ' ')}), was answered"
                    f" {'OK' if call.is_ok else call.code} {when(call)}",
                    call,
                )
