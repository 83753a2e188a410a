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
import random
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType

from policyc.engine.endpoint_url import EndpointUrl, Upstream, UrlProblem, parse_endpoint_url, parse_upstream
from policyc.engine.model import EndpointDef, EndpointKey, Policy, Program
from policyc.engine.phases import Binding, Phase, Protocol
from policyc.runtime.asgi import AsgiApp, AsgiOrigin
from policyc.runtime.endpoints import (
    Endpoint,
    InternalEndpoint,
    PublicEndpoint,
    Run,
    Snapshot,
    make_snapshot,
)
from policyc.runtime.exchange import Surroundings
from policyc.runtime.forwarded import Forwarding
from policyc.runtime.observe import AccessLog, Sink, discard
from policyc.runtime.origin import Origin
from policyc.runtime.services import LocalServices
from policyc.runtime.settings import Settings
from policyc.runtime.state import RateLimiter
from policyc.runtime.transport.server import ClientConnection
from policyc.runtime.transport.upstream import Address, HttpOrigin, Upstreams
from policyc.runtime.transport.wheel import Wheel

_log = logging.getLogger(__name__)

_NO_PHASES: Mapping[Phase, Run] = {}

Apps = Mapping[str, AsgiApp | Sequence[AsgiApp]]


class GatewayError(Exception):
    """A configuration that cannot be served; the message says why."""


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
    ) -> None:
        """Prepare; nothing listens before `start`.

        `apps` are ASGI applications by endpoint URL, a list of them makes a pool. `upstream` is where a bare
        policy (or, without a policy, everything) goes, for any Host; a program with endpoints has no use for
        it. `clock` gives monotonic seconds to rate limits. Raises GatewayError for what cannot be served.
        """
        self.settings = settings or Settings()
        self._log = log if isinstance(log, AccessLog) else None
        sink: Sink = log.add if isinstance(log, AccessLog) else (log or discard)
        self.wheel = Wheel(self._log.flush if self._log is not None else None)
        self.upstreams = Upstreams(self.settings, self.wheel)
        self.limiter = RateLimiter(clock, self.settings.buckets_limit)
        try:
            forwarding = Forwarding(self.settings.trusted_proxies, self.settings.forwarded == "append")
        except ValueError as error:
            raise GatewayError(f"a trusted proxy is no network: {error}") from None
        self.around = Surroundings(self.settings, LocalServices(self.limiter), forwarding, sink)
        self._chance = random.Random(self.settings.seed)  # noqa: S311
        self._apps: dict[str, list[AsgiOrigin]] = {}
        for url, given in (apps or {}).items():
            self._add_apps(url, given if isinstance(given, Sequence) else [given])
        self._upstream = upstream
        self._program = program
        self.snapshot: Snapshot = self._build(program)
        self.is_stopping = False
        self._servers: list[asyncio.Server] = []
        self._connections: set[ClientConnection] = set()
        self._by_address: dict[str, int] = {}
        self._started = False
        self._idle = asyncio.Event()

    # --- what is served -------------------------------------------------------------------------------------

    def endpoint(self, url: str, *, app: AsgiApp) -> None:
        """Serve an endpoint by an ASGI application in this process; a second one under a URL joins its pool.

        Raises GatewayError for a URL that is none, or that the program gives another upstream.
        """
        before = {key: list(each) for key, each in self._apps.items()}
        self._add_apps(url, [app])
        try:
            self.snapshot = self._build(self._program)
        except GatewayError:
            self._apps = before
            raise
        if self._started:
            for each in self._apps[_normal(url).url]:
                each.start()

    def reload(self, program: Program | None) -> None:
        """Serve another program from the next request on; after a GatewayError nothing has changed."""
        self.snapshot = self._build(program)
        self._program = program

    @property
    def notices(self) -> list[str]:
        """What an operator should know about what is not served."""
        return self.snapshot.notices

    def _add_apps(self, url: str, apps: Sequence[AsgiApp]) -> None:
        known = self._apps.setdefault(_normal(url).url, [])
        known.extend(AsgiOrigin(each, f"app:{_normal(url).url}", self.settings) for each in apps)

    def _build(self, program: Program | None) -> Snapshot:
        definitions = tuple(program.endpoints) if program is not None else ()
        served: list[Endpoint] = []
        unreached = [each for each in definitions if _is_unreachable(each)]
        left = {url: list(origins) for url, origins in self._apps.items()}
        for at, each in enumerate(definitions):
            if each in unreached:
                continue
            origins = left.get(each.url.url)
            if each.upstream is not None:
                if origins:
                    raise GatewayError(f"{each.url.url} has both an upstream and an application")
                served.append(self._make(each, self._origin(each), each.pooling_enabled))
            elif origins:
                more = any(other.url.key == each.url.key for other in definitions[at + 1 :])
                taken = [origins.pop(0)] if more else [origins.pop(0) for _ in list(origins)]
                served.extend(
                    self._make(each, origin, each.pooling_enabled or len(taken) > 1) for origin in taken
                )
            else:
                served.append(self._make(each, None, each.pooling_enabled))
        for url, origins in left.items():
            parsed = _normal(url)
            served.extend(
                self._endpoint(parsed, self.settings.account, None, origin, pooled=True) for origin in origins
            )
        bare = program.policy if program is not None else None
        any_host: PublicEndpoint | None = None
        if self._upstream is not None:
            if definitions:
                # Else every Host that no endpoint serves would go there: an open proxy.
                raise GatewayError("an upstream is for a policy without endpoints: these declare their own")
            any_host = self._bare(bare, self._upstream)
        elif bare is not None and (bare.phases or not definitions):
            raise GatewayError("a policy without endpoints needs an upstream")
        try:
            snapshot = make_snapshot(served, any_host=any_host, chance=self._chance)
        except ValueError as error:
            raise GatewayError(str(error)) from None
        snapshot.notices.extend(
            f"{each.url.url} is not served: there is no listener yet from which it could be reached"
            for each in unreached
        )
        return snapshot

    def _bare(self, policy: Policy | None, upstream: str) -> PublicEndpoint:
        parsed = parse_upstream(upstream)
        if isinstance(parsed, UrlProblem):
            raise GatewayError(f"`{upstream}` is no upstream: {parsed.message}")
        account = self.settings.account
        key = EndpointKey(account, Binding.PUBLIC, Protocol.HTTP, "*", 80)
        origin = self._http_origin(parsed, account)
        phases: Mapping[Phase, Run] = policy.phases if policy is not None else _NO_PHASES
        return PublicEndpoint(
            key, "http://*", phases, origin, policy_key=policy.key if policy is not None else ""
        )

    def _make(self, definition: EndpointDef, origin: Origin | None, pooled: bool) -> Endpoint:
        account = definition.account
        return self._endpoint(
            definition.url, account, definition.policy, origin, pooled=pooled, binding=definition.binding
        )

    def _endpoint(
        self,
        url: EndpointUrl,
        account: str,
        policy: Policy | None,
        origin: Origin | None,
        *,
        pooled: bool,
        binding: Binding | None = None,
    ) -> Endpoint:
        bound = binding or url.binding
        if bound is Binding.KUBERNETES:
            raise GatewayError(f"{url.url} needs the Kubernetes operator")
        if not url.scheme.is_http:
            raise GatewayError(f"{url.url}: {url.scheme.value} endpoints are not served yet")
        key = EndpointKey(account, bound, url.scheme, url.host, url.port)
        kind = InternalEndpoint if bound is Binding.INTERNAL else PublicEndpoint
        phases: Mapping[Phase, Run] = policy.phases if policy is not None else _NO_PHASES
        policy_key = policy.key if policy is not None else ""
        return kind(key, url.url, phases, origin, policy_key=policy_key, pooled=pooled)

    def _origin(self, definition: EndpointDef) -> Origin:
        upstream, settings = definition.upstream, definition.settings
        assert upstream is not None
        for name in ("upstream.proxy_protocol", "upstream.tls_verify_cas"):
            if settings.get(name):
                raise GatewayError(f"{definition.url.url}: the setting `{name}` is not there yet")
        if settings.get("upstream.protocol") == "http2":
            raise GatewayError(f"{definition.url.url}: HTTP/2 to upstreams is not there yet")
        verify = settings.get("upstream.tls_verify") is True
        return self._http_origin(upstream, definition.account, verify)

    def _http_origin(self, upstream: Upstream, account: str, verify: bool = False) -> HttpOrigin:
        if upstream.scheme == "unix":
            return HttpOrigin(self.upstreams, Address(account, "http", "", 0, upstream.path))
        if upstream.scheme not in ("http", "https"):
            raise GatewayError(f"{upstream.url}: {upstream.scheme} upstreams are not served yet")
        address = Address(account, upstream.scheme, upstream.host, upstream.port, verify=verify)
        return HttpOrigin(self.upstreams, address)

    # --- running --------------------------------------------------------------------------------------------

    async def start(self, host: str = "127.0.0.1", port: int = 8080) -> None:
        """Listen for HTTP in clear; may be called again for another address. Raises OSError."""
        if not self._started:
            self._started = True
            self.wheel.start()
            for origins in self._apps.values():
                for origin in origins:
                    origin.start()
        loop = asyncio.get_running_loop()
        factory: Callable[[], ClientConnection] = lambda: ClientConnection(self)  # noqa: E731
        self._servers.append(await loop.create_server(factory, host, port, backlog=1024))

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where the gateway listens."""
        return [each.getsockname()[:2] for server in self._servers for each in server.sockets]

    async def serve_forever(self) -> None:
        """Wait until the gateway is closed."""
        while not self.is_stopping:
            self._idle.clear()
            await self._idle.wait()

    async def close(self, deadline_s: float | None = None) -> None:
        """Take no more connections, let requests in flight finish; after the deadline cut what is left."""
        self.is_stopping = True
        self._idle.set()
        for server in self._servers:
            server.close()
        for connection in list(self._connections):
            connection.stop()
        limit = self.settings.drain_timeout_s if deadline_s is None else deadline_s
        try:
            async with asyncio.timeout(limit):
                while self._connections:
                    self._idle.clear()
                    await self._idle.wait()
        except TimeoutError:
            _log.warning("%d connections were cut at the deadline", len(self._connections))
            for connection in list(self._connections):
                connection.kill()
            await asyncio.sleep(0)
        await self.upstreams.close()
        for origins in self._apps.values():
            for origin in origins:
                await origin.stop()
        self.wheel.stop()
        if self._log is not None:
            self._log.flush()
        self._servers.clear()

    async def __aenter__(self) -> Gateway:
        """Use as a context: started by its user, closed at the end."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self.close()

    # --- server.House ---------------------------------------------------------------------------------------

    def admit(self, connection: ClientConnection, address: str) -> bool:
        """Count a connection; False if there are too many."""
        count = self._by_address.get(address, 0)
        settings = self.settings
        if count >= settings.connections_per_address or len(self._connections) >= settings.connections_limit:
            return False
        self._by_address[address] = count + 1
        self._connections.add(connection)
        return True

    def leave(self, connection: ClientConnection, address: str) -> None:
        """The connection is gone."""
        self._connections.discard(connection)
        count = self._by_address.get(address, 1) - 1
        if count:
            self._by_address[address] = count
        else:
            self._by_address.pop(address, None)
        if not self._connections:
            self._idle.set()

    @property
    def connection_count(self) -> int:
        """How many client connections there are."""
        return len(self._connections)


def _is_unreachable(definition: EndpointDef) -> bool:
    """Whether only tcp and tls listeners, which there are not yet, lead to an endpoint."""
    return definition.binding is Binding.INTERNAL and not definition.url.scheme.is_http


def _normal(url: str) -> EndpointUrl:
    parsed = parse_endpoint_url(url)
    if isinstance(parsed, UrlProblem):
        raise GatewayError(f"`{url}` is no endpoint: {parsed.message}")
    return parsed
