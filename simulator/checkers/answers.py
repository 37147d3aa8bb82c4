"""What kind of answer an operation got: the Director's own, the network's, or a third one's.

Checkers share these words so that they agree on whom to blame.
"""

from simulator.history.calls import Call
from simulator.history.fields import text
from simulator.history.history import History

NO_ANSWER = frozenset({"", "UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "KILLED"})
"""Codes that do not say that the Director's code ran; "" where a call was never completed."""

_TRANSPORT_TEXTS = ("RST_STREAM", "Stream removed", "Socket closed", "GOAWAY", "Broken pipe")
"""How gRPC itself words a connection that broke under a call."""

LONG = frozenset({"WaitExperiment", "GetExperimentData", "GetMetricStream", "SetNewExperiment"})
"""RPCs that take their time by nature: the long poll and the streams."""

ENVOY = ("UpdateShardInfo", "UpdateEnvoyStatus", "WaitExperiment", "GetExperimentData")
"""What an envoy asks of the Director in its own name, but for the report of a failure."""

COLLABORATOR = ("GetTasks", "GetAggregatedTensor", "SendLocalTaskResults")
"""What it asks as a collaborator of a running experiment."""

FAILURE = "SetExperimentFailed"


def is_answered(call: Call) -> bool:
    """Whether the Director itself answered, well or ill."""
    if call.is_ok:
        return True
    if call.code in NO_ANSWER:
        return False
    return not is_transport_error(call)


def is_transport_error(call: Call) -> bool:
    """Whether gRPC says that the connection broke, under a code that others use too."""
    if call.code not in {"UNKNOWN", "INTERNAL"}:
        return False
    return any(words in call.details for words in _TRANSPORT_TEXTS)


def is_touched(call: Call, direction: str = "") -> bool:
    """Whether a fault laid hands on a message of the call, in one direction or either."""
    return any(direction in {"", touch.direction} for touch in call.touches)


def is_rewritten(call: Call, direction: str) -> bool:
    """Whether one end was given other bytes, in that direction, than the other end sent."""
    return any(
        touch.type == "stream.corrupt" and touch.direction == direction for touch in call.touches
    )


def is_impostor(history: History, call: Call) -> bool:
    """Whether a certificate names another than the call speaks for; plaintext cannot tell."""
    return history.header.identity == "mtls" and call.identity != text(call.request, "name")
