"""A federated-learning Director, compatible on the wire with OpenFL 1.5 and 1.6."""

from director.director import Director
from director.transport.server import DirectorGRPCServer

__all__ = ["Director", "DirectorGRPCServer"]
