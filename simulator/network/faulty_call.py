"""A call whose messages are judged: what all four kinds share.

Whoever awaits a call drives it, so that most calls need no task; where somebody only asks how it
ended, it gets a task of its own, which ends with it.
"""

import asyncio
import math
from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio

from simulator.network.api import Drop, Duplicate, Reject, Replace, Verdict
from simulator.network.faulty_ends import Method


class FaultyCall(grpc.aio.Call):
    """A call between the stub and the real call, which may not have been made yet."""

    _inner: Any = None
    _request: Any = None
    _code: grpc.StatusCode | None = None
    _details = ""
    _error: BaseException | None = None
    """What whoever awaits this gets; None after a good end."""
    _is_failed_here = False
    """Whether it was ended by a rule, a deadline or a cancellation, not by the real call."""
    _timer: asyncio.TimerHandle | None = None
    _launcher: asyncio.TimerHandle | None = None
    _callbacks: tuple[Callable[[Any], None], ...] = ()
    _waiters: tuple[asyncio.Future[None], ...] = ()

    def __init__(
        self,
        method: Method,
        timeout: float | None,
        metadata: Any,
        *,
        wait_for_ready: bool | None,
    ) -> None:
        self._method = method
        self._owner = method.owner
        self._judge = method.owner.judge(method.name)
        self._metadata = metadata
        self._wait_for_ready = wait_for_ready
        self._loop = asyncio.get_running_loop()
        self._deadline = None if timeout is None else self._loop.time() + timeout

    def __repr__(self) -> str:
        state = "pending" if self._code is None else f"{self._code.name} {self._details!r}"
        return f"<{type(self).__name__} {self._judge.method} of {self._judge.actor} {state}>"

    # ------------------------------------------------------------ beginning

    def send(self, request: Any) -> None:
        """Make the real call, which has one request, when and as the rules say."""
        if self._judge.rules.is_empty:
            self._judge.skip_request()
            self._launch(request)
            return
        delay_s, verdict = self._judge.request(request)
        if delay_s > 0:
            due = self._loop.time() + delay_s
            self._watch_deadline(until=due)
            self._launcher = self._loop.call_at(due, self._apply, request, verdict)
        else:
            self._apply(request, verdict)

    def _apply(self, request: Any, verdict: Verdict) -> None:
        match verdict:
            case Drop():
                self._watch_deadline()
            case Reject(code, details):
                self._fail(code, details)
            case Replace(bodies):
                self._launch(only(bodies))
            case Duplicate():
                self._launch(request)
                self._repeat()
            case _:
                self._launch(request)

    def _launch(self, request: Any) -> None:
        self._request = request
        # From here on, the real call watches the deadline.
        self._inner = self._make()
        self._wake()

    def _make(self) -> Any:
        return self._method.inner(
            self._request,
            timeout=self.time_remaining(),
            metadata=self._metadata,
            wait_for_ready=self._wait_for_ready,
        )

    def _repeat(self) -> None:
        """Make the call a second time; nobody awaits that one."""
        self._owner.adopt(self._make())

    def _watch_deadline(self, *, until: float = math.inf) -> None:
        """End the call at its deadline, where that comes first."""
        if self._deadline is not None and self._deadline <= until and self._timer is None:
            self._timer = self._loop.call_at(
                self._deadline, self._fail, grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded"
            )

    # ------------------------------------------------------------ the end

    def _fail(self, code: grpc.StatusCode, details: str) -> None:
        """End it here, whatever the real call is doing; the server sees it cancelled."""
        empty = grpc.aio.Metadata()
        error = grpc.aio.AioRpcError(code, empty, empty, details, f"{self!r}: {details}")
        self._end(code, details, error, is_here=True)

    def _end_as(self, error: BaseException) -> None:
        """End it as the real call ended."""
        if isinstance(error, grpc.aio.AioRpcError):
            self._end(error.code(), error.details() or "", error)
        else:
            self._end(grpc.StatusCode.INTERNAL, str(error), error)

    def _end(
        self,
        code: grpc.StatusCode,
        details: str,
        error: BaseException | None,
        *,
        is_here: bool = False,
    ) -> None:
        if self._code is not None:
            return
        self._code, self._details, self._error = code, details, error
        self._is_failed_here = is_here
        if self._timer is not None:
            self._timer.cancel()
        if self._launcher is not None:
            self._launcher.cancel()
        if is_here and self._inner is not None:
            self._inner.cancel()
        self._owner.forget(self)
        self._on_end()
        self._wake()
        callbacks, self._callbacks = self._callbacks, ()
        for callback in callbacks:
            callback(self)

    def _on_end(self) -> None:
        """For subclasses: end the tasks that serve the call."""

    def _raise_error(self) -> None:
        if isinstance(self._error, asyncio.CancelledError):
            # Raised as a new one each time: an old one drags its traceback along.
            raise asyncio.CancelledError
        if self._error is not None:
            raise self._error

    def _is_to_be_cancelled(self) -> bool:
        """Whether a CancelledError is meant for whoever awaits the call.

        It is not where the real call was cancelled only because this one is over.
        """
        task = asyncio.current_task()
        return self.cancel() or (task is not None and task.cancelling() > 0)

    # ------------------------------------------------------------ waiting

    def _wake(self) -> None:
        if self._waiters:
            waiters, self._waiters = self._waiters, ()
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)

    async def _changed(self) -> None:
        waiter = self._loop.create_future()
        self._waiters = (*self._waiters, waiter)
        await waiter

    async def _launched(self) -> None:
        """Wait until the real call was made, or never will be."""
        while self._inner is None and self._code is None:
            await self._changed()

    async def _pause(self, seconds: float) -> None:
        """Wait, but no longer than the call lasts."""
        due = self._loop.time() + seconds
        self._watch_deadline(until=due)
        timer = self._loop.call_at(due, self._wake)
        while self._code is None and self._loop.time() < due:
            try:
                await self._changed()
            except asyncio.CancelledError:
                timer.cancel()
                raise
        if self._code is not None:
            timer.cancel()

    async def _over(self) -> None:
        self._ensure_driven()
        while self._code is None:
            await self._changed()

    def _ensure_driven(self) -> None:
        """See to it that the call ends by itself, even if nobody awaits it."""
        raise NotImplementedError

    # ------------------------------------------------------------ as grpc.aio.Call

    def cancel(self) -> bool:
        if self._code is not None:
            return False
        details = "Locally cancelled by application!"
        self._end(grpc.StatusCode.CANCELLED, details, asyncio.CancelledError(), is_here=True)
        return True

    def cancelled(self) -> bool:
        return self._code is grpc.StatusCode.CANCELLED

    def done(self) -> bool:
        if self._code is None:
            self._ensure_driven()
        return self._code is not None

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        if self._code is not None:
            callback(self)
        else:
            self._callbacks = (*self._callbacks, callback)
            self._ensure_driven()

    def time_remaining(self) -> float | None:
        return None if self._deadline is None else max(0.0, self._deadline - self._loop.time())

    async def initial_metadata(self) -> grpc.aio.Metadata:
        await self._launched()
        return await self._of_inner("initial_metadata")

    async def trailing_metadata(self) -> grpc.aio.Metadata:
        await self._over()
        return await self._of_inner("trailing_metadata")

    async def _of_inner(self, name: str) -> grpc.aio.Metadata:
        if self._inner is None or self._is_failed_here:
            return grpc.aio.Metadata()
        metadata = await getattr(self._inner, name)()
        assert isinstance(metadata, grpc.aio.Metadata)
        return metadata

    async def code(self) -> grpc.StatusCode:
        await self._over()
        assert self._code is not None
        return self._code

    async def details(self) -> str:
        await self._over()
        return self._details

    async def debug_error_string(self) -> str:
        await self._over()
        return "" if self._error is None else f"{self!r}: {self._details}"

    async def wait_for_connection(self) -> None:
        await self._launched()
        if self._code is None:
            await self._inner.wait_for_connection()
        self._raise_error()


def only(bodies: tuple[Any, ...]) -> Any:
    """Return the one body that stands in for a message that is not streamed.

    Raises:
        ValueError: a rule gave none, or several.
    """
    if len(bodies) != 1:
        raise ValueError(f"a message that is not streamed cannot be replaced by {len(bodies)}")
    return bodies[0]
