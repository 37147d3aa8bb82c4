"""Every conformance test runs in memory and on the wire: what gRPC does is what memory must do."""

import pytest

from tests.conformance.worlds import MemoryWorld, WireWorld, World


@pytest.fixture(params=["memory", pytest.param("wire", marks=pytest.mark.wire)])
def world(request: pytest.FixtureRequest) -> World:
    return MemoryWorld() if request.param == "memory" else WireWorld()
