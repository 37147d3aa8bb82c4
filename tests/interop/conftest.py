"""Federations that tests share, one for each way to be identified."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.certificates import write_certificates
from tests.interop.federation import SHARDS, Federation, federation
from tests.interop.make_environment import PYTHON, is_there

MAKE = "python tests/interop/make_environment.py"
USERS = ("alice", "bob", "eve")
STRAYS = ("env-4", "hand-1", "hand-2", "mallory")
"""Envoys that a test brings in by itself."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs OpenFL where it is not there, and say how to get it."""
    if is_there():
        return
    skip = pytest.mark.skip(reason=f"OpenFL 1.6 is not there; get it with: {MAKE}")
    for item in items:
        if item.get_closest_marker("interop") is not None:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate for everybody."""
    return write_certificates(tmp_path_factory.mktemp("certificates"), [*SHARDS, *USERS, *STRAYS])


@pytest.fixture(scope="session", params=["plaintext", "mtls"])
def there(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, certificates: Path
) -> Iterator[Federation]:
    """A Director of ours that may do what experiments ask for, and three envoys of OpenFL's."""
    folder = tmp_path_factory.mktemp(request.param)
    shown = certificates if request.param == "mtls" else None
    settings = {
        "aggregator_port": "plan",
        "load_pickled_code": True,
        "pickled_code": {"python": str(PYTHON)},
    }
    with federation(folder, certificates=shown, **settings) as running:
        running.start_envoys(*SHARDS)
        yield running
