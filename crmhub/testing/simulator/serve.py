"""Serving a double on a socket."""

import signal
import socket
import threading
import traceback
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from errno import EADDRINUSE
from pathlib import Path
from types import FrameType

import uvicorn
from starlette.types import Message, Receive, Scope, Send

from crmhub.testing.simulator.app import Double
from crmhub.testing.simulator.errors import ConnectionCut, SimulatorError
from crmhub.testing.simulator.tls import make_certificate

_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Running:
    """A double that is being served: its base URL, credentials with the URLs of its other places, and (under
    TLS) the CA file that clients must trust.
    """

    url: str
    credentials: dict[str, str]
    ca_file: Path | None = None


def serve(
    double: Double,
    *,
    host: str = _LOOPBACK,
    port: int = 0,
    tls_dir: Path | None = None,
    on_ready: Callable[[Running], None] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM; `on_ready` is called once the socket accepts connections.

    `port` 0 takes any free one. With `tls_dir` the server speaks TLS with a certificate made in that folder.
    Raises SimulatorError if the address cannot be used. Call it from the main thread.
    """
    server, sock = _prepare(double, host, port, tls_dir, on_ready)

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        server.should_exit = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        server.run(sockets=[sock])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        sock.close()


@contextmanager
def running(double: Double, *, port: int = 0, tls_dir: Path | None = None) -> Generator[Running]:
    """Serve a double from a background thread on loopback, and stop it at the end."""
    ready = threading.Event()
    found: list[Running] = []

    def note(state: Running) -> None:
        found.append(state)
        ready.set()

    server, sock = _prepare(double, _LOOPBACK, port, tls_dir, note)

    def run() -> None:
        try:
            server.run(sockets=[sock])
        finally:
            ready.set()

    thread = threading.Thread(target=run, name=f"simulate-{double.name}", daemon=True)
    thread.start()
    try:
        ready.wait()
        if not found:
            raise SimulatorError(f"the {double.name} simulator did not start")
        yield found[0]
    finally:
        server.should_exit = True
        thread.join()
        sock.close()


def _prepare(
    double: Double, host: str, port: int, tls_dir: Path | None, on_ready: Callable[[Running], None] | None
) -> tuple["_Server", socket.socket]:
    certificate = make_certificate(tls_dir, host) if tls_dir is not None else None
    sock = _bind(host, port)
    scheme = "http" if certificate is None else "https"
    shown = f"[{host}]" if ":" in host else host
    url = f"{scheme}://{shown}:{sock.getsockname()[1]}"
    state = Running(
        url,
        {**double.credentials, **{name: url + path for name, path in double.places.items()}},
        certificate.ca if certificate else None,
    )
    config = uvicorn.Config(
        _Cutting(double),
        lifespan="off",
        log_level="critical",
        access_log=False,
        server_header=False,
        date_header=False,  # the double tells its own time
        timeout_keep_alive=60,
        timeout_graceful_shutdown=2,
        ssl_certfile=str(certificate.chain) if certificate else None,
        ssl_keyfile=str(certificate.key) if certificate else None,
    )
    return _Server(config, (lambda: on_ready(state)) if on_ready else None), sock


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio switches Nagle's delay off; else every reply waits 40 ms.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except (OSError, OverflowError) as problem:
        sock.close()
        if isinstance(problem, OSError) and problem.errno == EADDRINUSE:
            raise SimulatorError(
                f"port {port} on {host} is in use: stop what listens there, or choose another port"
                " (0 takes a free one)"
            ) from None
        raise SimulatorError(f"cannot listen on {host}:{port}: {problem}") from problem
    return sock


class _Server(uvicorn.Server):
    """Uvicorn's server, but signals are ours and somebody is told when it listens."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None] | None) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals to `serve`, so that a stop that was asked for ends with exit code 0."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening, then say so."""
        await super().startup(sockets)
        if self.started and self._on_ready is not None:
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop without waiting for idle clients: under TLS they would have to say goodbye first."""
        if not self.server_state.tasks:
            self._drop(flushed=True)
        await super().shutdown(sockets)
        self._drop(flushed=False)

    def _drop(self, *, flushed: bool) -> None:
        for connection in list(self.server_state.connections):
            transport = connection.transport
            if not flushed or transport.get_write_buffer_size() == 0:
                transport.abort()


class _Cutting:
    """Turns ConnectionCut into a cut socket: a longer body is announced than is sent."""

    def __init__(self, double: Double) -> None:
        self._app = double.app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except ConnectionCut:
            if not started:
                await send(
                    {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"64")]}
                )
                await send({"type": "http.response.body", "body": b"{", "more_body": True})
        except Exception:
            # A fault of the double itself: the caller sees a 500, the person who started it the reason.
            traceback.print_exc()
            raise
