"""Which endpoints a gateway serves: what a program declares and which applications join in, as a snapshot.

    program ────┐  listed                ┌─▶ public, secure, internal and stream tables
                ├───────▶ endpoints ─────┤   (endpoints.Snapshot)
    add(url) ───┘                        └─▶ or why they cannot be served (GatewayError)

A start and a reload work out everything anew. An application that is added changes what is served at its URL
only: that is worked out when the snapshot is asked for the next time, for all that were added at once, so
any number of them may be added, before the start or after it.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from policyc.engine.endpoint_url import EndpointUrl, Upstream, UrlProblem, parse_endpoint_url, parse_upstream
from policyc.engine.model import EndpointDef, EndpointKey, Policy, Program
from policyc.engine.outcome import TlsTerms
from policyc.engine.phases import Binding, Phase, Protocol
from policyc.runtime.asgi import AsgiApp, AsgiOrigin, Lifespan
from policyc.runtime.endpoints import (
    Endpoint,
    InternalEndpoint,
    PublicEndpoint,
    Run,
    Snapshot,
    make_snapshot,
)
from policyc.runtime.origin import Origin
from policyc.runtime.stream import StreamUpstream
from policyc.runtime.tls_notices import missing_extra
from policyc.runtime.transport.upstream import Address, HttpOrigin, TellingOrigin, Upstreams

if TYPE_CHECKING:
    from policyc.runtime.transport.upstream_http2 import Http2Upstreams

_NO_PHASES: Mapping[Phase, Run] = {}

Apps = Mapping[str, AsgiApp | Sequence[AsgiApp]]


class GatewayError(Exception):
    """A configuration that cannot be served; the message says why."""


class Listed(NamedTuple):
    """What a program comes to: its snapshot, and how many applications that took in."""

    program: Program | None
    snapshot: Snapshot
    added: int


class Roster:
    """The endpoints of one gateway."""

    def __init__(self, upstreams: Upstreams, upstream: str | None, *, has_tls: bool) -> None:
        """`upstream` is where a bare policy goes; `has_tls`: https endpoints have listeners of their own."""
        self._settings = upstreams.settings
        self._upstreams = upstreams
        self._upstream = upstream
        self._has_tls = has_tls
        self.http2: Http2Upstreams | None = None
        self._chance = random.Random(self._settings.seed)  # noqa: S311
        self._apps: dict[str, list[AsgiOrigin]] = {}
        self._lifespans: dict[int, Lifespan] = {}  # by the identity of an application
        self._added: list[str] = []
        self._declared: dict[str, list[EndpointDef]] | None = None
        self._listed: Listed | None = None
        self.current: Snapshot | None = None  # None while applications wait to be taken in
        self._is_started = False

    # --- applications ---------------------------------------------------------------------------------------

    def add(self, url: str, apps: Iterable[AsgiApp]) -> None:
        """Have applications serve an endpoint; raises GatewayError where they cannot, and adds none then."""
        endpoint = _normal(url)
        name = endpoint.url
        if not endpoint.scheme.is_http:
            raise GatewayError(f"{name}: applications serve http and https endpoints only")
        if any(each.upstream is not None for each in self._definitions_of(name)):
            raise GatewayError(_both(name))
        known = self._apps.setdefault(name, [])
        for app in apps:
            lifespan = self._lifespans.setdefault(id(app), Lifespan(app))
            known.append(AsgiOrigin(app, f"app:{name}", self._settings, lifespan))
            if self._is_started:
                lifespan.start()
        self._added.append(name)
        self.current = None

    def _definitions_of(self, url: str) -> Sequence[EndpointDef]:
        """Return what the program that is served declares at a URL."""
        if self._declared is None:
            self._declared = {}
            for each in self.program.endpoints if self.program is not None else ():
                self._declared.setdefault(each.url.url, []).append(each)
        return self._declared.get(url, ())

    def start(self) -> None:
        """Start the applications, and those that are added from now on."""
        self._is_started = True
        for lifespan in self._lifespans.values():
            lifespan.start()

    async def stop(self) -> None:
        """End what the applications still do, then the applications."""
        for origins in self._apps.values():
            for origin in origins:
                await origin.stop()
        for lifespan in self._lifespans.values():
            await lifespan.stop()

    # --- the snapshot ---------------------------------------------------------------------------------------

    def caught_up(self) -> Snapshot:
        """Return what is served, the applications that were added since the last time in it."""
        listed = self._listed
        assert listed is not None
        stale = dict.fromkeys(self._added[listed.added :])
        more = [each for url in stale for each in self._at(url, self._definitions_of(url), {})]
        self.current = listed.snapshot.having(more, self._chance)
        self._listed = Listed(listed.program, self.current, len(self._added))
        return self.current

    def adopt(self, listed: Listed) -> None:
        """Serve from now on what was listed."""
        self._listed = listed
        self._declared = None
        self.current = listed.snapshot if listed.added == len(self._added) else None

    @property
    def program(self) -> Program | None:
        """The program that is served."""
        return self._listed.program if self._listed is not None else None

    @property
    def notices(self) -> list[str]:
        """What an operator should know about what is not served."""
        snapshot = self.current or self.caught_up()
        return snapshot.notices + [
            f"{each.url.url} is not decrypted here, and its upstream {each.upstream.url} gets it encrypted "
            "once more: write `tcp://` there to pass it on as it is"
            for each in (self.program.endpoints if self.program is not None else ())
            if each.url.scheme is Protocol.TLS and each.upstream is not None and each.upstream.scheme == "tls"
            if not _may_end_tls(each)
        ]

    def listed(self, program: Program | None) -> Listed:
        """Return what a program comes to. Nothing changes yet. Raises GatewayError."""
        if (why := missing_extra(program)) is not None:
            raise GatewayError(why)
        declared: dict[str, list[EndpointDef]] = {}
        for definition in program.endpoints if program is not None else ():
            declared.setdefault(definition.url.url, []).append(definition)
        origins: dict[tuple[object, ...], Origin] = {}
        served: list[Endpoint] = []
        for url in dict.fromkeys((*declared, *self._apps)):
            served += self._at(url, declared.get(url, ()), origins)
        any_host, any_secure = self._for_any_host(program)
        try:
            snapshot = make_snapshot(
                served,
                any_host=any_host,
                any_secure=any_secure,
                has_tls=self._has_tls,
                chance=self._chance,
            )
        except ValueError as error:
            raise GatewayError(str(error)) from None
        return Listed(program, snapshot, len(self._added))

    def _at(
        self, url: str, definitions: Sequence[EndpointDef], origins: dict[tuple[object, ...], Origin]
    ) -> list[Endpoint]:
        """Return the endpoints of one URL: what is declared, with the applications behind it."""
        apps = self._apps.get(url, [])
        if not definitions:
            parsed = _normal(url)
            return [_endpoint(parsed, self._settings.account, None, app, pooled=True) for app in apps]
        made: list[Endpoint] = []
        at = 0
        for left, each in zip(range(len(definitions) - 1, -1, -1), definitions, strict=True):
            pooled = each.pooling_enabled
            if not each.url.scheme.is_http:
                made.append(_declared(each, None, pooled=pooled))
            elif each.upstream is not None:
                if apps:
                    raise GatewayError(_both(url))
                made.append(_declared(each, self._origin(each, origins), pooled=pooled))
            elif at < len(apps):
                taken = apps[at : at + 1] if left else apps[at:]
                at += len(taken)
                made += [_declared(each, app, pooled=pooled or len(taken) > 1) for app in taken]
            else:
                made.append(_declared(each, None, pooled=pooled))
        return made

    def _for_any_host(self, program: Program | None) -> tuple[PublicEndpoint | None, PublicEndpoint | None]:
        """Return the endpoints, in clear and over TLS, for every Host that nothing else serves."""
        bare = program.policy if program is not None else None
        has_endpoints = program is not None and bool(program.endpoints)
        if self._upstream is None:
            if bare is not None and (bare.phases or not has_endpoints):
                raise GatewayError("a policy without endpoints needs an upstream")
            return None, None
        if has_endpoints:
            # Else every Host that no endpoint serves would go there: an open proxy.
            raise GatewayError("an upstream is for a policy without endpoints: these declare their own")
        any_host = self._bare(bare, self._upstream, Protocol.HTTP)
        return any_host, self._bare(bare, self._upstream, Protocol.HTTPS) if self._has_tls else None

    def _bare(self, policy: Policy | None, upstream: str, scheme: Protocol) -> PublicEndpoint:
        parsed = parse_upstream(upstream)
        if isinstance(parsed, UrlProblem):
            raise GatewayError(f"`{upstream}` is no upstream: {parsed.message}")
        account = self._settings.account
        key = EndpointKey(account, Binding.PUBLIC, scheme, "*", scheme.default_port or 0)
        origin = HttpOrigin(self._upstreams, _address(parsed, account))
        phases: Mapping[Phase, Run] = policy.phases if policy is not None else _NO_PHASES
        return PublicEndpoint(
            key, f"{scheme.value}://*", phases, origin, policy_key=policy.key if policy is not None else ""
        )

    # --- upstreams ------------------------------------------------------------------------------------------

    def _origin(self, definition: EndpointDef, origins: dict[tuple[object, ...], Origin]) -> Origin:
        """Return where the rest of an endpoint's traffic goes; endpoints with one upstream share it."""
        upstream, settings = definition.upstream, definition.settings
        assert upstream is not None
        address = _address(upstream, definition.account, *_trust(definition))
        version = int(str(settings.get("upstream.proxy_protocol") or 0))
        protocol = settings.get("upstream.protocol")
        known = origins.get((address, version, protocol))
        if known is None:
            if protocol == "http2":
                known = self._http2_origin(definition, address, version)
            elif version:
                known = TellingOrigin(self._upstreams, address, version)
            else:
                known = HttpOrigin(self._upstreams, address)
            origins[address, version, protocol] = known
        return known

    def _http2_origin(self, definition: EndpointDef, address: Address, version: int) -> Origin:
        try:
            from policyc.runtime.transport.upstream_http2 import (
                Http2Origin,
                Http2Upstreams,
                TellingHttp2Origin,
            )
        except ImportError:
            needs = "HTTP/2 to upstreams needs the extra `http2`: pip install 'policyc[http2]'"
            raise GatewayError(f"{definition.url.url}: {needs}") from None
        if self.http2 is None:
            self.http2 = Http2Upstreams(self._upstreams)
        if version:
            return TellingHttp2Origin(self.http2, address, version)
        return Http2Origin(self.http2, address)


def _declared(definition: EndpointDef, origin: Origin | None, *, pooled: bool) -> Endpoint:
    if definition.policy.handshakes:
        _check_handshakes(definition)
    relay = None if definition.url.scheme.is_http else _relay(definition)
    return _endpoint(
        definition.url, definition.account, definition.policy, origin, pooled=pooled, relay=relay
    )


def _endpoint(
    url: EndpointUrl,
    account: str,
    policy: Policy | None,
    origin: Origin | None,
    *,
    pooled: bool,
    relay: StreamUpstream | None = None,
) -> Endpoint:
    shown = url.url
    if url.binding is Binding.KUBERNETES:
        raise GatewayError(f"{shown} needs the Kubernetes operator")
    key = EndpointKey(account, url.binding, url.scheme, url.host, url.port)
    kind = InternalEndpoint if url.binding is Binding.INTERNAL else PublicEndpoint
    phases: Mapping[Phase, Run] = policy.phases if policy is not None else _NO_PHASES
    policy_key = policy.key if policy is not None else ""
    return kind(key, shown, phases, origin, policy_key=policy_key, pooled=pooled, relay=relay)


def _both(url: str) -> str:
    return f"{url} has both an upstream and an application"


def _check_handshakes(definition: EndpointDef) -> None:
    from policyc.runtime.trust import UntrustedError, check_terms

    try:
        for terms in definition.policy.handshakes:
            check_terms(terms)
    except UntrustedError as error:
        raise GatewayError(f"{definition.url.url}: {error}") from None


def _trust(definition: EndpointDef) -> tuple[bool, str]:
    """Return whether the upstream of an endpoint is verified, and by which authorities."""
    settings = definition.settings
    if not any(name.startswith("upstream.tls_") for name in settings):
        return False, ""
    from policyc.runtime.trust import UntrustedError, trust_of

    span = definition.span
    try:
        return trust_of(settings, span.source.name if span is not None else "")
    except UntrustedError as error:
        raise GatewayError(f"{definition.url.url}: {error}") from None


def _may_end_tls(definition: EndpointDef) -> bool:
    """Whether the policy of a tls endpoint, or its settings, may say that TLS ends here."""
    by_settings = any(name.startswith("agent_tls_") for name in definition.settings)
    return by_settings or Phase.TCP_CONNECT in definition.policy.phases


def _agent_terms(definition: EndpointDef) -> TlsTerms | None:
    """Return how the TLS of a tls endpoint's clients is ended behind its policy, None if it is passed on."""
    settings, span = definition.settings, definition.span
    if not any(name.startswith("agent_tls_") for name in settings):
        return None
    from policyc.runtime.trust import UntrustedError, agent_terms

    try:
        return agent_terms(settings, span.source.name if span is not None else "")
    except UntrustedError as error:
        raise GatewayError(f"{definition.url.url}: {error}") from None


def _address(upstream: Upstream, account: str, verify: bool = False, authorities: str = "") -> Address:
    if upstream.scheme == "unix":
        return Address(account, "http", "", 0, upstream.path)
    if upstream.scheme not in ("http", "https"):
        raise GatewayError(f"{upstream.url}: {upstream.scheme} upstreams are not served yet")
    return Address(
        account, upstream.scheme, upstream.host, upstream.port, verify=verify, authorities=authorities
    )


def _relay(definition: EndpointDef) -> StreamUpstream | None:
    """Return where the connections of a tcp or tls endpoint go, None for a cloud endpoint."""
    upstream, settings = definition.upstream, definition.settings
    if upstream is None:
        return None
    if upstream.scheme not in ("tcp", "tls", "unix"):
        raise GatewayError(f"{definition.url.url}: {upstream.scheme} upstreams carry no tcp")
    verify, authorities = _trust(definition)
    version = settings.get("upstream.proxy_protocol")
    return StreamUpstream(
        upstream.scheme,
        upstream.host,
        upstream.port,
        upstream.path,
        verify=verify,
        proxy_protocol=int(str(version)) if version else 0,
        authorities=authorities,
        terms=_agent_terms(definition),
    )


def _normal(url: str) -> EndpointUrl:
    parsed = parse_endpoint_url(url)
    if isinstance(parsed, UrlProblem):
        raise GatewayError(f"`{url}` is no endpoint: {parsed.message}")
    return parsed
