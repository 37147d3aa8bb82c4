"""What tests of OpenFL's clients are given: a Director, an archive and a name."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from random import Random

import pytest

from simulator.actors.workspace import Recipe, archive
from tests.interop.clients.hands import PERIOD_S
from tests.interop.federation import Federation, federation


@pytest.fixture(scope="module", params=["plaintext", "mtls"])
def there(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, certificates: Path
) -> Iterator[Federation]:
    """A Director with nobody about."""
    folder = tmp_path_factory.mktemp(f"clients-{request.param}")
    shown = certificates if request.param == "mtls" else None
    settings = {"envoy_health_check_period": PERIOD_S, "long_poll_s": 2}
    with federation(folder, certificates=shown, **settings) as running:
        yield running


@pytest.fixture(scope="module")
def workspace(there: Federation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive that can be run."""
    path = tmp_path_factory.mktemp("workspace") / "workspace.zip"
    recipe = Recipe(rounds=2, host="localhost", size_bytes=5 * 2**20, tls=there.is_secure)
    path.write_bytes(archive(recipe, Random(1)))
    return path


_numbers = count(1)


@pytest.fixture
def name() -> str:
    """A name that no experiment had before."""
    return f"experiment-{next(_numbers)}"
