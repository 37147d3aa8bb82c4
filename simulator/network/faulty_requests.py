"""The requests of a stream on their way to the real call, judged one by one."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import Any

import grpc

from simulator.network.faulty_judge import Judge
from simulator.network.faulty_lane import Broken, End, Lane

RequestIterable = AsyncIterable[Any] | Iterable[Any]


class Outgoing:
    """What the real call takes its requests from; there is a lane only once there are rules."""

    def __init__(
        self,
        judge: Judge,
        requests: RequestIterable | None,
        on_broken: Callable[[grpc.StatusCode, str], None],
    ) -> None:
        """Without `requests`, they are written here one by one."""
        self._judge = judge
        self._requests = requests
        self._on_broken = on_broken
        self._source = _steps(() if requests is None else requests)
        self._lane = Lane() if requests is None else None
        self._feeder: asyncio.Task[None] | None = None
        self._is_stopped = False

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        if self._lane is None:
            request = await anext(self._source)
            if self._is_stopped:
                await self._close_source()
                raise StopAsyncIteration
            if self._judge.rules.is_empty:
                self._judge.skip_request()
                return request
            self._lane = Lane()
            self._feeder = asyncio.get_running_loop().create_task(
                self._feed(request), name=f"requests of {self._judge.method}"
            )
        item = await self._lane.get()
        match item:
            case Broken(code, details):
                self._on_broken(code, details)
                raise StopAsyncIteration
            case End(None):
                raise StopAsyncIteration
            case End(error):
                assert error is not None
                raise error
            case _:
                return item

    async def _feed(self, request: Any) -> None:
        try:
            while await self.write(request):
                request = await anext(self._source)
        except StopAsyncIteration:
            await self.end()
        except Exception as error:  # noqa: BLE001 - handed on to the real call
            await self.end(error)
        finally:
            await self._close_source()

    async def write(self, request: Any) -> bool:
        """Put a request on its way; False once nothing more can follow."""
        assert self._lane is not None
        return await self._lane.send(request, *self._judge.request(request))

    async def end(self, error: BaseException | None = None) -> None:
        """Let no request follow."""
        assert self._lane is not None
        await self._lane.end(error)

    def stop(self) -> None:
        """Take no more requests: the call is over."""
        self._is_stopped = True
        # The call holds this; not to hold it in turn spares the garbage collector.
        self._on_broken = _nobody_cares
        if self._lane is not None:
            self._lane.close()
        if self._feeder is not None:
            self._feeder.cancel()

    async def aclose(self) -> None:
        """Close where the requests come from; the real call does so when it needs no more."""
        self.stop()
        if self._feeder is None:
            await self._close_source()

    async def _close_source(self) -> None:
        close = getattr(self._requests, "aclose", None)
        if close is not None:
            await close()


def _nobody_cares(code: grpc.StatusCode, details: str) -> None:
    """Do nothing with how a call ended that is over."""
    del code, details


class _Steps:
    """A plain iterator as an async one, with nothing to be closed."""

    def __init__(self, requests: Iterator[Any]) -> None:
        self._requests = requests

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        try:
            return next(self._requests)
        except StopIteration:
            raise StopAsyncIteration from None


def _steps(requests: RequestIterable) -> AsyncIterator[Any]:
    if isinstance(requests, AsyncIterable):
        return aiter(requests)
    return _Steps(iter(requests))
