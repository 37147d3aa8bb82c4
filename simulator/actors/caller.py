"""What every client of an actor shares: whose calls they are, and over which channel."""

from dataclasses import dataclass

import grpc.aio

from simulator.actors.profile import Profile
from simulator.actors.recording import Recording

Metadata = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """One actor on one channel."""

    recording: Recording
    channel: grpc.aio.Channel
    profile: Profile
    metadata: Metadata = ()
    """Goes along with every call."""


def client_id(name: str) -> Metadata:
    """How a plaintext client tells who it is."""
    return (("client_id", name),)
