"""How every test runs: async ones on virtual time, those marked `wire` on a real loop."""

import asyncio
import inspect
import os
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("explore", max_examples=2_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

AsyncTest = Callable[..., Coroutine[Any, Any, None]]


def _runner(test: pytest.Function) -> asyncio.Runner:
    if test.get_closest_marker("wire") is not None:
        return asyncio.Runner()
    # Only a test that runs on virtual time depends on the simulator.
    from simulator.engine.loop import VirtualTimeLoop  # noqa: PLC0415

    return asyncio.Runner(loop_factory=VirtualTimeLoop)


def _as_sync(pyfuncitem: pytest.Function, test: AsyncTest) -> Callable[..., None]:
    def run(*args: object, **kwargs: object) -> None:
        with _runner(pyfuncitem) as runner:
            runner.run(test(*args, **kwargs))

    return run


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run an async test on a loop of its own; leave the others to pytest."""
    test = pyfuncitem.obj
    # Hypothesis hides the test that it was given: each example gets a loop of its own.
    given = getattr(test, "hypothesis", None)
    if given is not None and inspect.iscoroutinefunction(given.inner_test):
        given.inner_test = _as_sync(pyfuncitem, given.inner_test)
        return None
    if not inspect.iscoroutinefunction(test):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    _as_sync(pyfuncitem, test)(**{name: pyfuncitem.funcargs[name] for name in names})
    return True
