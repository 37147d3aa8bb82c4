"""Every conformance test runs in memory and on the wire: what gRPC does is what memory must do.

It runs with judged channels and with raw ones: the rules change nothing unless there are some.
"""

import pytest

from tests.conformance.worlds import MemoryWorld, WireWorld, World


@pytest.fixture(
    params=[
        pytest.param(MemoryWorld(is_judged=True), id="memory"),
        pytest.param(MemoryWorld(is_judged=False), id="memory-raw"),
        pytest.param(WireWorld(is_judged=True), id="wire", marks=pytest.mark.wire),
        pytest.param(WireWorld(is_judged=False), id="wire-raw", marks=pytest.mark.wire),
    ]
)
def world(request: pytest.FixtureRequest) -> World:
    made: World = request.param
    return made


@pytest.fixture(
    params=[
        pytest.param(MemoryWorld(is_judged=True), id="memory"),
        pytest.param(WireWorld(is_judged=True), id="wire", marks=pytest.mark.wire),
    ]
)
def judged_world(request: pytest.FixtureRequest) -> World:
    made: World = request.param
    return made
