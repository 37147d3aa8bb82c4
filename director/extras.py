"""What can be left out of an installation, and what to say where it is asked for all the same."""

from importlib.util import find_spec
from types import MappingProxyType

_MODULES = MappingProxyType({"metrics": "prometheus_client", "reflection": "grpc_reflection"})


class MissingExtraError(RuntimeError):
    """Something was asked for that is not installed; the message tells how to install it."""

    def __init__(self, extra: str) -> None:
        super().__init__(f"{extra} is not installed here: pip install 'squall[{extra}]'")


def require(extra: str) -> None:
    """Raises MissingExtraError where an extra of ours is not installed."""
    if find_spec(_MODULES[extra]) is None:
        raise MissingExtraError(extra)
