"""Virtual time: an asyncio loop whose clock jumps to the next timer instead of waiting for it.

Equal deadlines fire in the order in which they were set, so a run is the same every time.
Whatever would bring real time in (threads, sockets, processes, signals) is refused by name.
"""

# A loop is built of asyncio's own parts, which have no public names.
# ruff: noqa: SLF001

import asyncio
import math
import threading
from asyncio import base_events
from collections import deque
from collections.abc import Callable
from contextvars import Context
from heapq import heapify, heappop, heappush
from typing import Any, NoReturn, TypeVarTuple

from simulator.engine.handles import AsyncGenerators, Callback, Timer

_MANY_TURNS = 1_000_000
"""So many turns in one instant are a few seconds of real time, and a thousand big uploads."""

_MANY_TIMERS = 128
"""Below so many, cancelled timers are not worth clearing away."""

Ts = TypeVarTuple("Ts")


class DeadlockError(RuntimeError):
    """Nothing can ever happen again: no callback is ready, no timer is set, tasks still wait."""

    def __init__(self, now: float, waiting: list[str]) -> None:
        told = "".join(f"\n  {line}" for line in waiting) or " no task, only a bare future"
        super().__init__(f"deadlock at {now} s of virtual time; these wait for ever:{told}")


class LivelockError(RuntimeError):
    """Something goes round and round without waiting, so that time can never pass."""

    def __init__(self, now: float, busy: list[str]) -> None:
        told = "".join(f"\n  {line}" for line in busy)
        super().__init__(f"time stands still at {now} s after {_MANY_TURNS:,} turns of:{told}")


class RealWorldError(RuntimeError):
    """Something was asked of the loop that has no place in virtual time."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} cannot be simulated: there is only one thread and no real time")


def _refused(what: str) -> Any:
    """Return a method that raises; Any, for it stands for many different ones."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise RealWorldError(what)

    return refuse


class VirtualTimeLoop(base_events.BaseEventLoop):
    """An event loop that starts at time 0 and is never late.

    Raises (from `run_until_complete` and `run_forever`):
        DeadlockError: nothing can ever happen again.
        LivelockError: something happens without end, and all of it now.
    """

    _ready: deque[Any]
    _stopping: bool
    _debug: bool
    _closed: bool
    _thread_id: int | None
    _task_factory: object

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._timers: list[tuple[float, int, Timer]] = []
        self._timers_set = 0
        self._timers_cancelled = 0
        self._asyncgens = AsyncGenerators()

    def time(self) -> float:
        """Return the seconds of virtual time since the loop was made."""
        return self._now

    def close(self) -> None:
        super().close()
        self._timers.clear()

    # ------------------------------------------------------------ scheduling

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        if self._debug or self._closed:
            return super().call_soon(callback, *args, context=context)
        handle = Callback(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        if self._thread_id not in {None, threading.get_ident()}:
            raise RealWorldError("a call from another thread")
        return self.call_soon(callback, *args, context=context)

    def call_later(
        self,
        delay: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        if self._closed:
            raise RuntimeError("Event loop is closed")
        if math.isnan(when):
            raise ValueError("a timer cannot be set to NaN")
        timer = Timer(when, callback, args, self, context)
        self._timers_set += 1
        heappush(self._timers, (when, self._timers_set, timer))
        return timer

    def on_timer_cancelled(self, handle: Timer) -> None:
        """Leave it in the heap until it is due, or until most of the heap is cancelled."""
        self._timers_cancelled += 1
        timers = self._timers
        if self._timers_cancelled > max(_MANY_TIMERS, len(timers) // 2):
            # In place, for `_run_once` holds on to the list.
            timers[:] = [
                entry for entry in timers if entry[2] is not handle and not entry[2]._cancelled
            ]
            heapify(timers)
            self._timers_cancelled = 0

    def create_task(
        self, coro: Any, *, name: Any = None, context: Context | None = None, **options: Any
    ) -> Any:
        if self._debug or self._task_factory is not None:
            return super().create_task(coro, name=name, context=context, **options)
        return asyncio.Task(coro, loop=self, name=name, context=context, **options)

    # ------------------------------------------------------------ running

    def _run_once(self) -> None:
        """Run until `stop`, which is when `run_forever` looks again; many turns in one call."""
        ready, timers = self._ready, self._timers
        turns = 0
        while True:
            if not ready and not self._stopping:
                self._jump()
                turns = 0
            turns += 1
            if turns > _MANY_TURNS:
                raise LivelockError(self._now, [_what(handle) for handle in ready][:10])
            now = self._now
            while timers and timers[0][0] <= now:
                timer = heappop(timers)[2]
                timer._scheduled = False
                if timer._cancelled:
                    self._timers_cancelled -= 1
                else:
                    ready.append(timer)
            # What these make ready runs in the next turn, as in every asyncio loop.
            for _ in range(len(ready)):
                handle = ready.popleft()
                if not handle._cancelled:
                    try:
                        handle._context.run(handle._callback, *handle._args)
                    except (SystemExit, KeyboardInterrupt):
                        raise
                    except BaseException as error:  # noqa: BLE001 - a loop outlives its callbacks
                        self._report(handle, error)
            if self._stopping:
                return

    def _jump(self) -> None:
        """Set the clock to the next timer."""
        timers = self._timers
        while timers and timers[0][2]._cancelled:
            heappop(timers)[2]._scheduled = False
            self._timers_cancelled -= 1
        if not timers or timers[0][0] == math.inf:
            raise DeadlockError(self._now, [_told(task) for task in _by_name(self)])
        self._now = max(self._now, timers[0][0])

    def _report(self, handle: asyncio.Handle, error: BaseException) -> None:
        self.call_exception_handler(
            {"message": f"Exception in callback {handle!r}", "exception": error, "handle": handle}
        )

    def _write_to_self(self) -> None:
        """Do nothing: the loop never sleeps, so nobody has to wake it."""

    # ------------------------------------------------------------ refusals

    run_in_executor = _refused("run_in_executor (and to_thread)")
    set_default_executor = _refused("an executor")
    add_reader = remove_reader = _refused("a file descriptor (as real gRPC needs)")
    add_writer = remove_writer = _refused("a file descriptor (as real gRPC needs)")
    add_signal_handler = remove_signal_handler = _refused("a signal handler")
    create_connection = create_unix_connection = _refused("a connection")
    create_server = create_unix_server = _refused("a server")
    connect_accepted_socket = start_tls = _refused("a socket")
    create_datagram_endpoint = _refused("a socket")
    sock_recv = sock_recv_into = sock_recvfrom = sock_recvfrom_into = _refused("a socket")
    sock_sendall = sock_sendto = sock_connect = sock_accept = _refused("a socket")
    sendfile = sock_sendfile = _refused("sendfile")
    getaddrinfo = getnameinfo = _refused("a name server")
    connect_read_pipe = connect_write_pipe = _refused("a pipe")
    subprocess_exec = subprocess_shell = _refused("a subprocess")


def _by_name(loop: asyncio.AbstractEventLoop) -> list[asyncio.Task[Any]]:
    # all_tasks is a set, whose order is not the same in every run; Task-9 comes before Task-10.
    return sorted(asyncio.all_tasks(loop), key=lambda task: (len(task.get_name()), task.get_name()))


def _what(handle: Any) -> str:
    # The steps of a task are methods of it.
    owner = getattr(handle._callback, "__self__", None)
    return _told(owner) if isinstance(owner, asyncio.Task) else repr(handle)


def _told(task: asyncio.Task[Any]) -> str:
    coroutine = task.get_coro()
    name = getattr(coroutine, "__qualname__", repr(coroutine))
    frames = task.get_stack(limit=1)
    where = f" at {frames[0].f_code.co_filename}:{frames[0].f_lineno}" if frames else ""
    return f"{task.get_name()} {name}{where}"
