"""Asking for what is somebody else's, by each RPC that only an owner gets an answer from."""

from collections.abc import Awaitable, Callable, Mapping

from simulator.actors.frontend_client import FrontendClient
from simulator.actors.recording import CallError
from simulator.actors.steps import OwnerRpc

ANSWERED = "OK"

# A stream that was wrongly opened may never end.
_LONG_ENOUGH_S = 10.0


async def pried(client: FrontendClient, rpc: OwnerRpc, experiment: str) -> str:
    """Return the code that came back; ANSWERED is not always a leak, such as a plain false."""
    try:
        await _CALLS[rpc](client, experiment)
    except CallError as error:
        return error.code.name
    return ANSWERED


_CALLS: Mapping[OwnerRpc, Callable[[FrontendClient, str], Awaitable[object]]] = {
    "GetExperimentStatus": FrontendClient.status,
    "GetExperimentDescription": FrontendClient.describe,
    "GetTrainedModel": lambda client, experiment: client.model(experiment, "best"),
    "GetMetricStream": lambda client, experiment: client.follow(
        experiment, deadline_s=_LONG_ENOUGH_S
    ),
    "RemoveExperimentData": FrontendClient.remove,
}
