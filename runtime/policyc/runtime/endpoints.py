"""Which endpoint gets a request: the tables, their look-ups, and the snapshot that holds them.

Rules. 1. Public and internal endpoints are of two types and stand in two tables; listeners are given the
public one only, so no name that a client sends can lead to an internal endpoint. 2. Every internal look-up
names an account. 3. A snapshot never changes; a reload makes another one. Source: spec/endpoints.md §1-§6.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from policyc.engine.endpoint_url import EndpointUrl, parse_forward_target
from policyc.engine.model import EndpointKey, endpoint_id
from policyc.engine.outcome import Fail, Outcome
from policyc.engine.phases import Binding, Phase, Protocol, phases_of
from policyc.engine.traffic import EndpointInfo, Exchange

if TYPE_CHECKING:
    from policyc.runtime.origin import Origin
    from policyc.runtime.stream import StreamUpstream
    from policyc.runtime.stream_table import StreamTable

Run = Callable[[Exchange], Outcome | None]

_TARGETS_REMEMBERED = 1024
_UNKNOWN = object()


class Endpoint:
    """An endpoint that is served: its phases and where the rest of its traffic goes.

    That is `origin` over http and https, `relay` over tcp and tls, None for a cloud endpoint. `meaning` names
    endpoint and policy, for state that outlives a snapshot.
    """

    __slots__ = (
        "info",
        "is_bare",
        "key",
        "meaning",
        "on_http_request",
        "on_http_response",
        "on_tcp_connect",
        "origin",
        "pooled",
        "relay",
    )

    binding: Binding

    def __init__(
        self,
        key: EndpointKey,
        url: str,
        phases: Mapping[Phase, Run],
        origin: Origin | None,
        *,
        policy_key: str = "",
        pooled: bool = False,
        relay: StreamUpstream | None = None,
    ) -> None:
        """Phases that the endpoint's protocol and binding don't have are left out, whatever was compiled."""
        if key.binding is not self.binding:
            raise TypeError(f"{url} is not {self.binding}")
        self.key = key
        self.info = EndpointInfo(
            url, key.scheme.value, key.host, key.port, account=key.account, binding=key.binding.value
        )
        allowed = phases_of(key.scheme, key.binding)
        self.on_tcp_connect = _phase(phases, Phase.TCP_CONNECT, allowed)
        self.on_http_request = _phase(phases, Phase.HTTP_REQUEST, allowed)
        self.on_http_response = _phase(phases, Phase.HTTP_RESPONSE, allowed)
        self.is_bare = self.on_http_request is None and self.on_http_response is None
        self.origin = origin
        self.relay = relay
        self.pooled = pooled
        self.meaning = (key, policy_key)


def _phase(phases: Mapping[Phase, Run], phase: Phase, allowed: frozenset[Phase]) -> Run | None:
    return phases.get(phase) if phase in allowed else None


class PublicEndpoint(Endpoint):
    """An endpoint that listeners serve."""

    __slots__ = ()
    binding = Binding.PUBLIC


class InternalEndpoint(Endpoint):
    """An endpoint that only `forward-internal` reaches."""

    __slots__ = ()
    binding = Binding.INTERNAL


AnyEndpoint = TypeVar("AnyEndpoint", bound=Endpoint)


class Pool(Generic[AnyEndpoint]):
    """The endpoints that share one URL; the choice is uniform (spec/endpoints.md §5)."""

    __slots__ = ("_random", "has_tcp_connect", "key", "members")

    def __init__(self, members: Iterable[AnyEndpoint], chance: random.Random) -> None:
        """All members have the same key."""
        self.members = tuple(members)
        self.key = self.members[0].key
        self._random = chance
        self.has_tcp_connect = any(each.on_tcp_connect is not None for each in self.members)

    def choose(self) -> AnyEndpoint:
        """Return one member."""
        members = self.members
        return members[0] if len(members) == 1 else members[int(self._random.random() * len(members))]


def suffixes(host: str) -> Iterable[str]:
    """Yield what stands behind each dot of a host, the longest first."""
    dot = host.find(".")
    while dot >= 0:
        yield host[dot + 1 :]
        dot = host.find(".", dot + 1)


class PublicTable:
    """Public endpoints by host, as one kind of listener serves them. The port of a Host counts for nothing.

    Of an http and an https endpoint with one host (in clear, where there is no TLS) the https one is served;
    `notices` name the others.
    """

    def __init__(self, pools: Iterable[Pool[PublicEndpoint]], any_host: PublicEndpoint | None = None) -> None:
        """`any_host` is served for every Host that nothing else serves."""
        self._exact: dict[str, Pool[PublicEndpoint]] = {}
        self._wild: dict[str, Pool[PublicEndpoint]] = {}
        self._any: Pool[PublicEndpoint] | None = None
        if any_host is not None:
            self._any = Pool((any_host,), random.Random())  # noqa: S311
        self.notices: list[str] = []
        for pool in sorted(pools, key=_preference):
            host = pool.key.host
            if host == "*":
                self._any = self._any or pool
                continue
            table = self._wild if host.startswith("*.") else self._exact
            served = table.setdefault(host.removeprefix("*."), pool)
            if served is not pool:
                self.notices.append(f"{_url(pool)} is not served: {_url(served)} has the same host")

    def find(self, host: str | None) -> Pool[PublicEndpoint] | None:
        """Return the pool for a normalised host; None (no Host) finds an any-host endpoint only."""
        if host is not None:
            found = self._exact.get(host)
            if found is not None:
                return found
            if self._wild:
                for suffix in suffixes(host):
                    found = self._wild.get(suffix)
                    if found is not None:
                        return found
        return self._any

    def missing(self, host: str | None, authority: str) -> Fail:
        """Return why `find` gave nothing; `authority` is the Host as the client wrote it."""
        return Fail(3200, f"the endpoint {authority or 'without a name'} is offline", status=404)

    def __iter__(self) -> Iterator[Pool[PublicEndpoint]]:
        """Every pool that is served."""
        yield from self._exact.values()
        yield from self._wild.values()
        if self._any is not None:
            yield self._any


def _url(pool: Pool[PublicEndpoint]) -> str:
    return pool.members[0].info.url


def _preference(pool: Pool[PublicEndpoint]) -> tuple[bool, bool, int]:
    key = pool.key
    return key.scheme is not Protocol.HTTPS, key.port != key.scheme.default_port, key.port


class InternalTable:
    """Internal endpoints by account, scheme, host and port."""

    def __init__(self, pools: Iterable[Pool[InternalEndpoint]]) -> None:
        """Take every pool of internal endpoints."""
        self._exact: dict[tuple[str, Protocol, str, int], Pool[InternalEndpoint]] = {}
        self._wild: dict[tuple[str, Protocol, str, int], Pool[InternalEndpoint]] = {}
        for pool in pools:
            key = pool.key
            table = self._wild if key.host.startswith("*.") else self._exact
            table[key.account, key.scheme, key.host.removeprefix("*."), key.port] = pool
        # What is there is known from the start, so that targets without end do not push it out.
        self._remembered: dict[tuple[str, str], Pool[InternalEndpoint] | None] = {
            (pool.key.account, pool.members[0].info.url): pool
            for pool in self._exact.values()
            if pool.key.scheme.is_http
        }
        self._remembered_limit = len(self._remembered) + _TARGETS_REMEMBERED

    def remembered(self, account: str, url: str) -> Pool[InternalEndpoint] | None:
        """Return the pool of a forward's target if it is an http or https one; remembers the answer.

        Hashing a key with an enum in it takes longer than all the rest of a look-up.
        """
        known = self._remembered.get((account, url), _UNKNOWN)
        if known is _UNKNOWN:
            parsed = parse_forward_target(url)
            known = None
            if isinstance(parsed, EndpointUrl) and parsed.scheme.is_http:
                known = self.find(account, parsed.scheme, parsed.host, parsed.port)
            if len(self._remembered) < self._remembered_limit:  # targets can come from clients
                self._remembered[account, url] = known
        return known  # type: ignore[return-value]

    def find(self, account: str, scheme: Protocol, host: str, port: int) -> Pool[InternalEndpoint] | None:
        """Return the pool of a concrete URL: exact first, then the wildcard with most labels."""
        found = self._exact.get((account, scheme, host, port))
        if found is None and self._wild:
            for suffix in suffixes(host):
                found = self._wild.get((account, scheme, suffix, port))
                if found is not None:
                    break
        return found


class Snapshot(NamedTuple):
    """The whole configuration that requests run with; never changed.

    `public` is what the clear listener serves, `secure` what listeners with TLS do.
    """

    public: PublicTable
    internal: InternalTable
    streams: StreamTable
    secure: PublicTable

    @property
    def notices(self) -> list[str]:
        """What an operator should know about what is not served."""
        return self.public.notices


def make_snapshot(
    endpoints: Iterable[Endpoint],
    *,
    any_host: PublicEndpoint | None = None,
    any_secure: PublicEndpoint | None = None,
    has_tls: bool = False,
    chance: random.Random | None = None,
) -> Snapshot:
    """Return the tables; raises ValueError where endpoints share a URL and do not all pool (6030), or where
    two tcp endpoints share a port.

    `has_tls`: there are listeners with TLS, so https endpoints are served there and nowhere else.
    """
    from policyc.runtime.stream_table import StreamTable

    chance = chance or random.Random()  # noqa: S311
    public: dict[EndpointKey, list[PublicEndpoint]] = {}
    internal: dict[EndpointKey, list[InternalEndpoint]] = {}
    for each in endpoints:
        if isinstance(each, PublicEndpoint):
            public.setdefault(each.key, []).append(each)
        elif isinstance(each, InternalEndpoint):
            internal.setdefault(each.key, []).append(each)
        else:
            raise TypeError(f"{each.info.url} is neither public nor internal")
    every: list[Sequence[Endpoint]] = [*public.values(), *internal.values()]
    for bare in (any_host, any_secure):
        if bare is not None:
            bare.info.id = endpoint_id(bare.key)
    for members in every:
        for number, member in enumerate(members):
            member.info.id = endpoint_id(member.key, number)
        if len(members) > 1 and not all(each.pooled for each in members):
            raise ValueError(
                f"several endpoints have the URL {members[0].info.url}, and not all of them pool"
            )
    owners: dict[tuple[Protocol, str, int], str] = {}
    for key in public:
        owner = owners.setdefault((key.scheme, key.host, key.port), key.account)
        if owner != key.account:
            raise ValueError(f"two accounts claim {key.scheme}://{key.host}")
    pools = [Pool(members, chance) for members in public.values()]
    streams = StreamTable(pool for pool in pools if not pool.key.scheme.is_http)
    in_clear = (Protocol.HTTP,) if has_tls else (Protocol.HTTP, Protocol.HTTPS)
    served = PublicTable((pool for pool in pools if pool.key.scheme in in_clear), any_host)
    https = (pool for pool in pools if pool.key.scheme is Protocol.HTTPS) if has_tls else ()
    secure = PublicTable(https, any_secure)
    served.notices.extend([*secure.notices, *streams.notices])
    inner = InternalTable(Pool(members, chance) for members in internal.values())
    return Snapshot(served, inner, streams, secure)
