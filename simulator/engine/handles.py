"""The parts of the virtual loop that asyncio has too, only leaner, or in an order that lasts.

Handles are made for every step of every task: what they cost is what virtual time costs.
"""

import asyncio
import weakref
from collections.abc import AsyncGenerator, Callable, Iterator
from contextvars import Context, copy_context
from typing import Any, Protocol

AnyAsyncGenerator = AsyncGenerator[Any, Any]


class TimerOwner(Protocol):
    """What a timer needs of its loop."""

    def on_timer_cancelled(self, handle: "Timer") -> None:
        """A timer that is still set will not fire."""


class Callback(asyncio.Handle):
    """A Handle that is made in half the time, for loops that are not in debug mode."""

    __slots__ = ()
    _repr = None
    _source_traceback = None

    def __init__(
        self,
        callback: Callable[..., object],
        args: tuple[object, ...],
        loop: asyncio.AbstractEventLoop,
        context: Context | None,
    ) -> None:
        self._callback = callback
        self._args = args
        self._loop = loop
        self._context = copy_context() if context is None else context
        self._cancelled = False


class Timer(asyncio.TimerHandle):
    """The same for timers, in debug mode too."""

    __slots__ = ()
    _source_traceback = None

    _callback: Any
    _args: Any
    _loop: Any

    def __init__(
        self,
        when: float,
        callback: Callable[..., object],
        args: tuple[object, ...],
        loop: "TimerOwner",
        context: Context | None,
    ) -> None:
        self._when = when
        self._callback = callback
        self._args = args
        self._loop = loop
        self._context = copy_context() if context is None else context
        self._cancelled = False
        self._repr = None
        self._scheduled = True

    def cancel(self) -> None:
        """Do what TimerHandle does, in half the time: most timers are deadlines that are met."""
        if not self._cancelled:
            if self._scheduled:
                self._loop.on_timer_cancelled(self)
            self._cancelled = True
            self._callback = self._args = None


class AsyncGenerators:
    """The generators being iterated, in the order of their first step; a WeakSet has none."""

    def __init__(self) -> None:
        self._references: dict[int, weakref.ref[AnyAsyncGenerator]] = {}

    def __len__(self) -> int:
        return len(self._references)

    def __iter__(self) -> Iterator[AnyAsyncGenerator]:
        living = [reference() for reference in self._references.values()]
        return iter([generator for generator in living if generator is not None])

    def add(self, generator: AnyAsyncGenerator) -> None:
        key = id(generator)
        references = self._references
        references[key] = weakref.ref(generator, lambda _: references.pop(key, None))

    def discard(self, generator: AnyAsyncGenerator) -> None:
        self._references.pop(id(generator), None)

    def clear(self) -> None:
        self._references.clear()
