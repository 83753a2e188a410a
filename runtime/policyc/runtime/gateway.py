"""The gateway as a program sees it: given a compiled program and settings, it serves; on a loop that is
yours.

    gateway = Gateway(program, Settings(), apps={"https://app.internal": app})
    await gateway.start("127.0.0.1", 0)
    ...
    await gateway.close()

A reload swaps one reference; what does not load changes nothing. Internal endpoints are never given to a
listener.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakSet

from policyc.engine.model import Program
from policyc.runtime.asgi import AsgiApp
from policyc.runtime.endpoints import (
    Snapshot,
)
from policyc.runtime.exchange import Surroundings
from policyc.runtime.forwarded import Forwarding
from policyc.runtime.metrics import Metrics, Samples, bounded
from policyc.runtime.observe import AccessLog, Sink, discard, timestamp
from policyc.runtime.process import process_samples
from policyc.runtime.protocol.upgrades import checked
from policyc.runtime.roster import Apps, GatewayError, Listed, Roster
from policyc.runtime.services import LocalServices
from policyc.runtime.settings import Settings
from policyc.runtime.state import RateLimiter
from policyc.runtime.tls_notices import tls_notices
from policyc.runtime.transport.accepted import Held, Proxies, greet
from policyc.runtime.transport.acceptor import Acceptor, Gate
from policyc.runtime.transport.listeners import Place, StreamListeners
from policyc.runtime.transport.plain import PlainReader
from policyc.runtime.transport.server import ClientConnection
from policyc.runtime.transport.upstream import Upstreams
from policyc.runtime.transport.wheel import Wheel

if TYPE_CHECKING:
    import socket
    from ssl import SSLContext

    from policyc.runtime.transport.certificates import CertificateSource
    from policyc.runtime.transport.https import View
    from policyc.runtime.transport.tls_contexts import Contexts

_log = logging.getLogger(__name__)

__all__ = ("Apps", "Gateway", "GatewayError", "Prepared")


class Prepared(NamedTuple):
    """A program that can be served from now on.

    Its tables, the sockets of its tcp and tls endpoints, and the certificates of that moment.
    """

    listed: Listed
    sockets: dict[Place, socket.socket]
    tls: Contexts | None

    @property
    def program(self) -> Program | None:
        """The program."""
        return self.listed.program


class Gateway:
    """Serves the endpoints of a program."""

    def __init__(
        self,
        program: Program | None = None,
        settings: Settings | None = None,
        *,
        apps: Apps | None = None,
        upstream: str | None = None,
        log: AccessLog | Sink | None = None,
        clock: Callable[[], float] = time.monotonic,
        reuse_port: bool = False,
        certificates: CertificateSource | None = None,
    ) -> None:
        """Prepare; nothing listens before `start`.

        `apps` are ASGI applications by endpoint URL, a list of them makes a pool. `upstream` is where a bare
        policy (or, without a policy, everything) goes, for any Host; a program with endpoints has no use for
        it. `clock` gives monotonic seconds to rate limits. With `reuse_port`, other processes may listen at
        the same addresses. With `certificates`, https endpoints are served where `start_https` says and
        nowhere else. Raises GatewayError for what cannot be served.
        """
        self.settings = settings or Settings()
        self._certificates = certificates
        self._tls = self._load_certificates()
        self._log = self.access = log if isinstance(log, AccessLog) else None
        self.metrics = Metrics(log.add if isinstance(log, AccessLog) else (log or discard))
        self.wheel = Wheel(self._tick)
        self.upstreams = Upstreams(self.settings, self.wheel, self.metrics.met)
        self.plain = PlainReader(self.settings.limits())
        self.limiter = RateLimiter(clock, self.settings.buckets_limit)
        try:
            forwarding = Forwarding(self.settings.trusted_proxies, self.settings.forwarded == "append")
        except ValueError as error:
            raise GatewayError(f"a trusted proxy is no network: {error}") from None
        try:
            self.proxies = Proxies(self.settings.proxy_protocol_from)
        except ValueError as error:
            raise GatewayError(f"proxy_protocol_from: {error}") from None
        try:
            checked(self.settings.upgrades)
        except ValueError as error:
            raise GatewayError(f"upgrades: {error}") from None
        services = LocalServices(self.limiter)
        self.around = Surroundings(
            self.settings, services, forwarding, self.metrics.finished, self.metrics.met
        )
        self._roster = Roster(self.upstreams, upstream, has_tls=certificates is not None)
        for url, given in (apps or {}).items():
            self._roster.add(url, given if isinstance(given, Sequence) else [given])
        self._roster.adopt(self._roster.listed(program))
        self.is_stopping = False
        self._servers: list[Acceptor] = []
        self._secure_servers: list[Acceptor] = []
        self.gate = Gate(self._descriptors_taken, self.upstreams.close_idle)
        self.reuse_port = reuse_port
        self._streams = StreamListeners(self, self.gate, reuse_port=reuse_port)
        self._connections: set[Held] = set()
        self.views: WeakSet[View] = WeakSet()
        self._by_address: dict[str, int] = {}
        self._started = False
        self._idle = asyncio.Event()

    # --- what is served -------------------------------------------------------------------------------------

    def endpoint(self, url: str, *, app: AsgiApp) -> None:
        """Serve an endpoint by an ASGI application in this process; a second one under a URL joins its pool.

        Raises GatewayError for a URL that is none, or that the program gives another upstream.
        """
        self._roster.add(url, [app])

    @property
    def snapshot(self) -> Snapshot:
        """What is served, as of now."""
        return self._roster.current or self._roster.caught_up()

    def reload(self, program: Program | None) -> None:
        """Serve another program from the next request on; after a GatewayError nothing has changed.

        Connections of tcp and tls endpoints go on as they began.
        """
        self.adopt(self.prepare(program))

    def prepare(self, program: Program | None) -> Prepared:
        """Return all that it takes to serve another program: `adopt` it or `drop` it. Nothing changes yet.

        Raises GatewayError for what cannot be served, or for a certificate that cannot be used.
        """
        tls = self._load_certificates()
        listed = self._roster.listed(program)
        try:
            return Prepared(listed, self._streams.bind(listed.snapshot), tls)
        except OSError as error:
            raise GatewayError(f"cannot listen on {error.filename}: {error.strerror}") from None

    def adopt(self, prepared: Prepared) -> None:
        """Serve what was prepared from the next request on."""
        self._roster.adopt(prepared.listed)
        if prepared.tls is not None:
            self._tls = prepared.tls
        self._streams.adopt(prepared.sockets)
        for connection in self._connections:
            if isinstance(connection, ClientConnection):
                connection.forget()
        for view in self.views:
            view.forget()

    def drop(self, prepared: Prepared) -> None:
        """Let go of what was prepared and is not to be served."""
        self._streams.release(prepared.sockets)

    @property
    def notices(self) -> list[str]:
        """What an operator should know about what is not served, or not as its author may expect."""
        certificates = self._tls.certificates if self._tls is not None else None
        return [*self._roster.notices, *tls_notices(self._roster.program, certificates)]

    # --- running --------------------------------------------------------------------------------------------

    async def start(self, host: str = "127.0.0.1", port: int = 8080) -> None:
        """Listen for HTTP in clear; may be called again for another address. Raises OSError."""
        self._start()
        listener = Acceptor(
            greet(self, lambda ends: ClientConnection(self, ends, listener.here)),
            self.gate,
            reads_first=not self.proxies.are_any,
        )
        await listener.start(host, port, reuse_port=self.reuse_port)
        self._servers.append(listener)

    async def start_https(self, host: str = "127.0.0.1", port: int = 8443) -> None:
        """Listen for https endpoints, and for tls endpoints, by SNI; may be called again for another address.

        The gateway has `certificates`. Raises OSError.
        """
        from policyc.runtime.transport.https import HttpsConnection

        assert self._certificates is not None
        self._start()
        listener = Acceptor(greet(self, lambda ends: HttpsConnection(self, ends)), self.gate)
        await listener.start(host, port, reuse_port=self.reuse_port)
        self._secure_servers.append(listener)

    async def start_streams(
        self, tcp_host: str | None = "127.0.0.1", tls: tuple[str, int] | None = ("127.0.0.1", 8443)
    ) -> None:
        """Listen for tcp endpoints, each at its port, and for tls endpoints, all at one address.

        What is not served does not listen; a reload may change that. None leaves a kind out. Raises OSError.
        """
        self._start()
        self._streams.start(tcp_host, tls)

    def _start(self) -> None:
        if not self._started:
            self._started = True
            self.wheel.start()
            self._roster.start()

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where the gateway listens."""
        return [each.getsockname()[:2] for server in self._servers for each in server.sockets]

    @property
    def https_addresses(self) -> list[tuple[str, int]]:
        """Where it listens for https endpoints."""
        return [each.getsockname()[:2] for server in self._secure_servers for each in server.sockets]

    @property
    def stream_places(self) -> list[Place]:
        """Where it listens for tcp and tls endpoints."""
        return self._streams.addresses

    async def serve_forever(self) -> None:
        """Wait until the gateway is closed."""
        while not self.is_stopping:
            self._idle.clear()
            await self._idle.wait()

    async def close(self, deadline_s: float | None = None) -> None:
        """Take no more connections, let requests in flight finish; after the deadline cut what is left."""
        self.is_stopping = True
        self._idle.set()
        for server in (*self._servers, *self._secure_servers):
            server.close()
        self._streams.close()
        for connection in list(self._connections):
            connection.stop()
        limit = self.settings.drain_timeout_s if deadline_s is None else deadline_s
        try:
            async with asyncio.timeout(limit):
                while self._connections:
                    self._idle.clear()
                    await self._idle.wait()
        except TimeoutError:
            _log.warning("open connections cut at the deadline: %d", len(self._connections))
            self.cut()
            await asyncio.sleep(0)
        await self.upstreams.close()
        await self._roster.stop()
        self.wheel.stop()
        if self._log is not None:
            self._log.flush()
        self._servers.clear()
        self._secure_servers.clear()

    def cut(self) -> None:
        """Close every connection now, whatever is under way: `close` then waits no longer."""
        for connection in list(self._connections):
            connection.kill()

    async def __aenter__(self) -> Gateway:
        """Use as a context: started by its user, closed at the end."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self.close()

    # --- server.House ---------------------------------------------------------------------------------------

    def hold(self, connection: Held) -> bool:
        """Hold a connection whose client is not known yet; False if there are too many."""
        if len(self._connections) >= self.settings.connections_limit:
            return self._turn_away("", "too_many_connections")
        self._connections.add(connection)
        return True

    def admit(self, connection: Held, address: str) -> bool:
        """Count a connection of a client; False if there are too many, or if it is gone already."""
        if not address:  # the system knows no peer any more
            return False
        count = self._by_address.get(address, 0)
        if count >= self.settings.connections_per_address:
            return self._turn_away(address, "address_connections")
        if len(self._connections) >= self.settings.connections_limit:
            return self._turn_away(address, "too_many_connections")
        self.metrics.connections += 1
        self._by_address[address] = count + 1
        self._connections.add(connection)
        return True

    def _turn_away(self, address: str, reason: str) -> bool:
        self.around.log({"ts": timestamp(time.time()), "client": address, "reason": reason})
        return False

    def leave(self, connection: Held, address: str) -> None:
        """The connection is gone."""
        self._connections.discard(connection)
        count = self._by_address.get(address, 1) - 1
        if count:
            self._by_address[address] = count
        else:
            self._by_address.pop(address, None)
        if not self._connections:
            self._idle.set()

    def hand_over(self, old: Held, new: Held) -> None:
        """Count `new` in the place of `old`."""
        self._connections.discard(old)
        self._connections.add(new)

    @property
    def contexts(self) -> Contexts:
        """The contexts of handshakes with clients; without certificates, those that policies bring along."""
        if self._tls is None:
            from policyc.runtime.transport.certificates import NamedCertificates
            from policyc.runtime.transport.tls_contexts import Contexts

            self._tls = Contexts(NamedCertificates(()), ())
        return self._tls

    def _load_certificates(self) -> Contexts | None:
        """Return the contexts of what the certificates are now, None without any. Raises GatewayError."""
        if self._certificates is None:
            return None
        from policyc.runtime.transport.alpn import alpn_protocols
        from policyc.runtime.transport.certificates import CertificateError
        from policyc.runtime.transport.tls_contexts import Contexts

        try:
            return Contexts(self._certificates.load(), alpn_protocols())
        except CertificateError as error:
            raise GatewayError(str(error)) from None

    def tls_to_upstreams(self, verify: bool, authorities: str) -> SSLContext:
        """Return the context for TLS to the upstreams of tcp and tls endpoints."""
        return self.upstreams.tls(verify, authorities)

    def _descriptors_taken(self) -> int:
        return len(self._connections) + self.upstreams.open_count

    def _tick(self) -> None:
        """Do what the wheel's turn is for: write the log, accept again after a pause."""
        if self._log is not None:
            self._log.flush()
        self.gate.look()

    # --- admin.Overseen -------------------------------------------------------------------------------------

    @property
    def state(self) -> str:
        """`ready`, or `starting` before it listens, or `draining` while it stops."""
        listens = self._servers or self._secure_servers
        return "draining" if self.is_stopping else "ready" if listens else "starting"

    async def samples(self) -> Samples:
        """Return the metrics of this moment."""
        return self.collect()

    def collect(self) -> Samples:
        """Return the metrics of this moment; to wait for nothing."""
        import platform

        from policyc.runtime.version import version

        upstreams, http2 = self.upstreams, self._roster.http2
        return {
            "policyc_build_info": {(version(), platform.python_version()): 1},
            "policyc_connections": {(): len(self._connections)},
            "policyc_accept_pauses_total": {(): self.gate.pauses},
            "policyc_upstream_connections": bounded(
                upstreams.states() + http2.states() if http2 is not None else upstreams.states()
            ),
            "policyc_upstream_connect_failures_total": bounded(
                {(name,): count for name, count in upstreams.connect_failures.items()}
            ),
            "policyc_rate_limit_buckets": {(): len(self.limiter)},
            "policyc_rate_limit_evictions_total": {(): self.limiter.evictions},
            "policyc_access_log_lines_lost_total": {(): self._log.lost if self._log is not None else 0},
            **self.metrics.collect(),
            **process_samples(),
        }

    @property
    def connection_count(self) -> int:
        """How many client connections there are."""
        return len(self._connections)
