"""Judged calls that have one response."""

import asyncio
from collections.abc import Generator
from typing import Any

import grpc
import grpc.aio

from simulator.network.api import Drop, Duplicate, Reject, Replace
from simulator.network.faulty_call import FaultyCall, only
from simulator.network.shapes import UnaryUnaryCallBase


class OneResponse(FaultyCall):
    """A call that is awaited for its one response."""

    _response: Any = None
    _is_driven = False
    _driver: asyncio.Task[None] | None = None

    def __await__(self) -> Generator[Any, None, Any]:
        if self._code is None:
            if self._is_driven:
                yield from self._awaited().__await__()
            else:
                self._is_driven = True
                yield from self._drive().__await__()
        self._raise_error()
        return self._response

    async def _awaited(self) -> None:
        """Wait for the end, and cancel the call when that is cancelled."""
        try:
            while self._code is None:
                await self._changed()
        except asyncio.CancelledError:
            self.cancel()
            raise

    async def _drive(self) -> None:
        try:
            if self._inner is None:
                await self._launched()
            if self._code is None:
                assert self._inner is not None
                await self._receive(await self._inner)
        except asyncio.CancelledError:
            if self._is_to_be_cancelled():
                raise
        except Exception as error:  # noqa: BLE001 - handed on to whoever awaits the call
            self._end_as(error)

    async def _receive(self, response: Any) -> None:
        if self._judge.rules.is_empty:
            self._finish(response)
            return
        delay_s, verdict = self._judge.response(response)
        if delay_s > 0:
            await self._pause(delay_s)
            if self._code is not None:
                return
        match verdict:
            case Drop():
                self._watch_deadline()
                await self._awaited()
            case Reject(code, details):
                self._fail(code, details)
            case Replace(bodies):
                self._finish(only(bodies))
            case Duplicate():
                self._repeat()
                self._finish(response)
            case _:
                self._finish(response)

    def _finish(self, response: Any) -> None:
        if self._code is None:
            self._response = response
            self._end(grpc.StatusCode.OK, "", None)

    def _ensure_driven(self) -> None:
        if self._code is None and not self._is_driven:
            self._is_driven = True
            self._driver = self._loop.create_task(
                self._drive(), name=f"{self._judge.method} of {self._judge.actor}"
            )


class UnaryUnaryCall(OneResponse, UnaryUnaryCallBase):
    """One request, one response."""
