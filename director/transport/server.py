"""The Director on a port: what an operator constructs, starts and stops."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from director import memory
from director.director import Director
from director.interface import DirectorInterface, ReviewPlan, UsesPorts, settings_of
from director.settings import Serving
from director.transport import expiry
from director.transport.aggregator_server import AggregatorServicer
from director.transport.arrivals import Arrivals
from director.transport.credentials import CertificateFiles, PathLike, find_certificates
from director.transport.director_server import DirectorServicer
from director.transport.health import HEALTH, HealthServicer
from director.transport.listening import OPTIONS, CannotListenError, bind
from director.transport.loops import quick_loop
from director.transport.metering import Meter
from director.transport.reflection import ReflectionServicer
from director.transport.registration import decoding
from director.transport.run_ports import OpenPorts
from director.transport.showing import showing
from director.transport.status import COLLABORATOR_CODES
from protos import aggregator_pb2, aggregator_pb2_grpc, director_pb2, director_pb2_grpc

_log = logging.getLogger(__name__)

_STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

_SERVICES = (
    director_pb2.DESCRIPTOR.services_by_name["Director"].full_name,
    aggregator_pb2.DESCRIPTOR.services_by_name["Aggregator"].full_name,
)


class DirectorGRPCServer(DirectorServicer):
    """A Director and its aggregators on one port, over mutual TLS or in plaintext.

    With TLS a client has to show a certificate that `root_certificate` vouches for, and is known
    by its common name.  `director_cls` is anything that provides `DirectorInterface`; it is given
    the shapes, the period, the reviewer, and every keyword that this class does not know.

    Raises:
        SettingsError: something that it is told cannot be.
        CertificateError: with TLS, a certificate is missing or unusable.
    """

    grace_s = 10.0
    """How long requests that are under way may take when the server stops."""
    metrics_host = "localhost"
    metrics_port: int | None = None
    """Where Prometheus may ask while the server serves; 0 finds a free port, None: nowhere."""
    reflection = False
    """Whether to tell whoever may connect which services and messages there are."""

    def __init__(
        self,
        *,
        director_cls: Callable[..., DirectorInterface] = Director,
        tls: bool = True,
        root_certificate: PathLike = "cert/root_ca.crt",
        private_key: PathLike = "cert/host.key",
        certificate: PathLike = "cert/host.crt",
        review_plan_callback: ReviewPlan | None = None,
        listen_host: str = "[::]",
        listen_port: int = 50051,
        envoy_health_check_period: float = 0,
        sample_shape: Sequence[str] = ("1",),
        target_shape: Sequence[str] = ("1",),
        **director_keywords: Any,
    ) -> None:
        serving = Serving.of(
            listen_host=listen_host,
            listen_port=listen_port,
            sample_shape=sample_shape,
            target_shape=target_shape,
            envoy_health_check_period=envoy_health_check_period,
        )
        self._certificates: CertificateFiles | None = None
        self.root_certificate: Path | None = None
        self.private_key: Path | None = None
        self.certificate: Path | None = None
        if tls:
            files = find_certificates(
                root_certificate=root_certificate, private_key=private_key, certificate=certificate
            )
            self._certificates = files
            self.root_certificate = files.root_certificate
            self.private_key = files.private_key
            self.certificate = files.certificate
        self._host = _bracketed(serving.listen_host)
        self._port = serving.listen_port
        self.server: grpc.aio.Server | None = None
        self._meter: Meter | None = None
        self._run_ports = OpenPorts(self._for_runs)
        self._health = HealthServicer(_SERVICES)
        self._reflection: ReflectionServicer | None = None
        self._serving = serving
        super().__init__(
            director_cls(
                sample_shape=serving.sample_shape,
                target_shape=serving.target_shape,
                envoy_health_check_period=envoy_health_check_period,
                review_plan_callback=review_plan_callback,
                **director_keywords,
            ),
            tls=tls,
        )
        settings = settings_of(self.director)
        self._arrivals = Arrivals(settings)
        self._settings = settings

    def __repr__(self) -> str:
        return f"<DirectorGRPCServer {self.listen_uri} tls={self.tls}>"

    @property
    def port(self) -> int:
        """The port asked for; once bound, the one that is listened on."""
        return self._port

    @property
    def listen_uri(self) -> str:
        """The host and port that is listened on, as gRPC writes them."""
        return f"{self._host}:{self._port}"

    def register(self, grpc_server: grpc.aio.Server) -> None:
        """Let a server, which is not started yet, answer for both services and for its health.

        Raises:
            MissingExtraError: what reflection takes is not installed.
        """
        refusing = partial(decoding, grpc_server, self._settings, meter=self._meter)
        director_pb2_grpc.add_DirectorServicer_to_server(self, refusing())
        self._register_aggregators(grpc_server)
        self._health.register(refusing())
        if self.reflection:
            self._reflection = ReflectionServicer((*_SERVICES, HEALTH))
            self._reflection.register(refusing())

    def _register_aggregators(self, server: grpc.aio.Server) -> None:
        aggregator_pb2_grpc.add_AggregatorServicer_to_server(
            AggregatorServicer(self.director, self._arrivals, self._fetches, tls=self.tls),
            decoding(server, self._settings, codes=COLLABORATOR_CODES, meter=self._meter),
        )

    def start(self) -> None:
        """Serve until SIGTERM or Ctrl-C; then let what is under way end, and return.

        Raises:
            CannotListenError: the address is in use, or not this machine's.
        """
        memory.expect_large_messages()
        with asyncio.Runner(loop_factory=quick_loop()) as runner:
            runner.run(self._serve_until_told_to_stop())

    async def _serve_until_told_to_stop(self) -> None:
        stop = asyncio.Event()
        with _stopping_signals(stop):
            async with self.serving():
                memory.keep_what_is_there()
                await stop.wait()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Serve for as long as the block runs; then let what is under way end.

        Raises:
            CannotListenError: the address is in use, or not this machine's.
            MissingExtraError: what metrics or reflection take is not installed.
        """
        async with AsyncExitStack() as stack:
            if self.metrics_port is not None:
                await self._show_metrics(stack)
            if self._certificates is not None:
                await stack.enter_async_context(expiry.watched(self._certificates.items()))
            await stack.enter_async_context(self._answering())
            yield

    async def _show_metrics(self, stack: AsyncExitStack) -> None:
        host, port = self.metrics_host, self.metrics_port
        self._meter = Meter()
        shown = showing(self.director, self._meter, host=host, port=port or 0)
        try:
            self.metrics_port = await stack.enter_async_context(shown)
        except OSError as error:
            raise CannotListenError(
                f"cannot listen on {host}:{port} for metrics: {error.strerror}"
            ) from None
        _log.info("metrics on http://%s:%d/metrics", _bracketed(host), self.metrics_port)

    @asynccontextmanager
    async def _answering(self) -> AsyncIterator[None]:
        server = grpc.aio.server(options=OPTIONS)
        self.register(server)
        try:
            self._port = self._bind(server, self._port)
            if isinstance(self.director, UsesPorts):
                self.director.use_ports(self._run_ports)
            self.director.announce(self._host, self._port)
            await self.director.start()
        except BaseException:
            # One that was never started keeps its port, whatever it is told.
            await server.start()
            await server.stop(None)
            raise
        self.server = server
        try:
            await server.start()
            self._health.begin()
            _log.info("serving on %s, %s; %s", self.listen_uri, self._security(), self._terms())
            yield
        finally:
            await self._stop(server)

    def _security(self) -> str:
        return "mutual TLS" if self.tls else "in plaintext: callers are whom they say they are"

    def _terms(self) -> str:
        told = self._serving
        period_s = told.envoy_health_check_period
        period = f"{period_s:g} s" if period_s else "the default period"
        return (
            f"sample shape {list(told.sample_shape)}, target shape {list(told.target_shape)};"
            f" heartbeats every {period}"
        )

    def _bind(self, server: grpc.aio.Server, port: int) -> int:
        return bind(server, f"{self._host}:{port}", self._certificates)

    def _for_runs(self, port: int) -> grpc.aio.Server:
        """Return a server that answers collaborators alone, and is not started yet."""
        server = grpc.aio.server(options=OPTIONS)
        self._register_aggregators(server)
        self._bind(server, port)
        return server

    async def _stop(self, server: grpc.aio.Server) -> None:
        _log.info("stopping: up to %g s for what is under way", self.grace_s)
        self._health.end()
        if self._reflection is not None:
            self._reflection.end()
        # First of all nothing new is let in: whoever is told to ask again has to ask elsewhere.
        stopping = asyncio.create_task(server.stop(self.grace_s))
        await asyncio.sleep(0)
        try:
            self.director.drain()
            await self._run_ports.close_all(self.grace_s)
            await stopping
        finally:
            # Last of all: until then, what comes to its end is still written down.
            await self.director.close()
        _log.info("stopped")


@contextmanager
def _stopping_signals(stop: asyncio.Event) -> Iterator[None]:
    """Set the event on the first of these signals; the second does what it always does."""
    loop = asyncio.get_running_loop()
    # Who starts it with `nohup` wants it to outlive the terminal.
    heeded = [one for one in _STOPPING if signal.getsignal(one) is not signal.SIG_IGN]

    def forget() -> None:
        for number in heeded:
            loop.remove_signal_handler(number)

    def heed(number: signal.Signals) -> None:
        _log.info("received %s", number.name)
        forget()
        stop.set()

    # Elsewhere than in the main thread there are no signals, and somebody else ends the server.
    with contextlib.suppress(ValueError, RuntimeError):
        for number in heeded:
            loop.add_signal_handler(number, heed, number)
    try:
        yield
    finally:
        # Nor can they be taken back there; uvloop says so.
        with contextlib.suppress(ValueError, RuntimeError):
            forget()


def _bracketed(host: str) -> str:
    is_bare_ipv6 = ":" in host and not host.startswith("[")
    return f"[{host}]" if is_bare_ipv6 else host
