"""Which endpoint gets a request: the tables, their look-ups, and the snapshot that holds them.

Rules. 1. Public and internal endpoints are of two types and stand in two tables; listeners are given the
public one only, so no name that a client sends can lead to an internal endpoint. 2. Every internal look-up
names an account. 3. A snapshot never changes; a reload makes another one. Source: spec/endpoints.md §1-§6.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from policyc.engine.additions import Additions
from policyc.engine.decision import Decide, Decided, without_rules
from policyc.engine.endpoint_url import EndpointUrl, parse_forward_target
from policyc.engine.model import EndpointKey, endpoint_id
from policyc.engine.outcome import Fail, Outcome
from policyc.engine.phases import Binding, Phase, Protocol, phases_of
from policyc.engine.traffic import EndpointInfo, Exchange

if TYPE_CHECKING:
    from policyc.runtime.origin import Origin
    from policyc.runtime.stream import StreamUpstream
    from policyc.runtime.stream_table import StreamTable
    from policyc.runtime.transport.route import Route

Run = Callable[[Exchange], Outcome | None]

_TARGETS_REMEMBERED = 1024
_UNKNOWN: Any = object()
# Requests in a row for which the phase had to run.
_UNDECIDED = 16


class Endpoint:
    """An endpoint that is served: its phases and where the rest of its traffic goes.

    That is `origin` over http and https, `relay` over tcp and tls, None for a cloud endpoint. `meaning` names
    endpoint and policy, for state that outlives a snapshot. `decide` gives what the request phase comes to
    without running it, where that can be said and the response phase does no more than add lines; None else.
    `decided_by` is the phase that does. `routes` are where decisions led from here, by what they were
    (transport/plain.py).
    """

    __slots__ = (
        "decide",
        "decided_by",
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
        "routes",
        "undecided_count",
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
        self.decide: Decide | None = None
        self.decided_by: Decided | None = None
        self.undecided_count = 0  # requests in a row
        self.routes: dict[object, Route] | None = None
        if self.on_http_response is None or type(self.on_http_response) is Additions:
            if self.on_http_request is None:
                self.decide = without_rules
            elif type(self.on_http_request) is Decided:
                self.decided_by = self.on_http_request
                self.decide = self.decided_by.decide
        self.origin = origin
        self.relay = relay
        self.pooled = pooled
        self.meaning = (key, policy_key)

    @property
    def sees_fields(self) -> bool:
        """Whether who decides looks at field lines, and so at those that endpoints outside have added."""
        return self.decided_by is not None and self.decided_by.sees_fields

    def undecided(self) -> None:
        """The phase has to run after all. If that is so most times, it was better not to ask first."""
        self.undecided_count += 1
        if self.undecided_count >= _UNDECIDED:
            self.decide = None


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
    """The endpoints that share one URL; the choice is uniform (spec/endpoints.md §5).

    `only` is the member where there is but one, `scheme` the URL's. They stand here although members and key
    tell: of many endpoints nothing is in the processor's cache, and each record that is looked into costs.
    """

    __slots__ = ("_random", "has_tcp_connect", "key", "members", "only", "scheme")

    def __init__(self, members: Iterable[AnyEndpoint], chance: random.Random) -> None:
        """All members have the same key."""
        self.members = tuple(members)
        self.only = self.members[0] if len(self.members) == 1 else None
        self.key = self.members[0].key
        self.scheme = self.key.scheme.value
        self._random = chance
        self.has_tcp_connect = any(each.on_tcp_connect is not None for each in self.members)

    def choose(self) -> AnyEndpoint:
        """Return one member."""
        if self.only is not None:
            return self.only
        return self.members[int(self._random.random() * len(self.members))]


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
        self._has_any_host = any_host is not None
        self._any: Pool[PublicEndpoint] | None = None
        if any_host is not None:
            self._any = Pool((any_host,), random.Random())  # noqa: S311
        self._hidden: dict[EndpointKey, Pool[PublicEndpoint]] = {}
        for pool in pools:
            self._add(pool)

    def having(self, pools: Iterable[Pool[PublicEndpoint]]) -> PublicTable:
        """Return a table that serves these pools too, in place of those with their keys."""
        twin = copy(self)
        twin._exact, twin._wild, twin._hidden = self._exact.copy(), self._wild.copy(), self._hidden.copy()
        for pool in pools:
            twin._add(pool)
        return twin

    def _add(self, pool: Pool[PublicEndpoint]) -> None:
        host = pool.key.host
        if host == "*":
            if not self._has_any_host:
                self._any = _preferred(self._any, pool)
            return
        table = self._wild if host.startswith("*.") else self._exact
        name = host.removeprefix("*.")
        served = table.get(name)
        chosen = table[name] = _preferred(served, pool)
        if served is not None and served.key != pool.key:
            hidden = pool if chosen is served else served
            self._hidden[hidden.key] = hidden

    @property
    def notices(self) -> list[str]:
        """Say of each endpoint that is not served why."""
        return [
            f"{_url(pool)} is not served: {_url(self._serving(pool))} has the same host"
            for pool in sorted(self._hidden.values(), key=_preference)
        ]

    def _serving(self, pool: Pool[PublicEndpoint]) -> Pool[PublicEndpoint]:
        table = self._wild if pool.key.host.startswith("*.") else self._exact
        return table[pool.key.host.removeprefix("*.")]

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


def _preferred(one: Pool[PublicEndpoint] | None, other: Pool[PublicEndpoint]) -> Pool[PublicEndpoint]:
    """Return which of two pools is served; `other` if it is the same one anew."""
    if one is None or one.key == other.key or _preference(other) < _preference(one):
        return other
    return one


class InternalTable:
    """Internal endpoints by account, scheme, host and port."""

    def __init__(self, pools: Iterable[Pool[InternalEndpoint]]) -> None:
        """Take every pool of internal endpoints."""
        self._exact: dict[tuple[str, Protocol, str, int], Pool[InternalEndpoint]] = {}
        self._wild: dict[tuple[str, Protocol, str, int], Pool[InternalEndpoint]] = {}
        self._by_url: dict[tuple[str, str], Pool[InternalEndpoint]] = {}
        self._remembered: dict[tuple[str, str], Pool[InternalEndpoint] | None] = {}
        for pool in pools:
            self._add(pool)

    def having(self, pools: Iterable[Pool[InternalEndpoint]]) -> InternalTable:
        """Return a table that has these pools too, in place of those with their keys."""
        twin = copy(self)
        twin._exact, twin._wild, twin._by_url = self._exact.copy(), self._wild.copy(), self._by_url.copy()
        twin._remembered = {}
        for pool in pools:
            twin._add(pool)
        return twin

    def _add(self, pool: Pool[InternalEndpoint]) -> None:
        key = pool.key
        if key.host.startswith("*."):
            self._wild[key.account, key.scheme, key.host.removeprefix("*."), key.port] = pool
            return
        self._exact[key.account, key.scheme, key.host, key.port] = pool
        if key.scheme.is_http:
            self._by_url[key.account, pool.members[0].info.url] = pool

    def remembered(self, account: str, url: str) -> Pool[InternalEndpoint] | None:
        """Return the pool of a forward's target if it is an http or https one; remembers the answer.

        Hashing a key with an enum in it takes longer than all the rest of a look-up. What there is is known
        by its URL from the start; of other targets, which can come from clients, some are remembered.
        """
        known = self._by_url.get((account, url))
        if known is not None:
            return known
        known = self._remembered.get((account, url), _UNKNOWN)
        if known is _UNKNOWN:
            parsed = parse_forward_target(url)
            known = None
            if isinstance(parsed, EndpointUrl) and parsed.scheme.is_http:
                known = self.find(account, parsed.scheme, parsed.host, parsed.port)
            if len(self._remembered) < _TARGETS_REMEMBERED:
                self._remembered[account, url] = known
        return known

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

    `public` is what the clear listener serves, `secure` what listeners with TLS do; `has_tls`: there are
    such listeners, so https endpoints are served there and nowhere else.
    """

    public: PublicTable
    internal: InternalTable
    streams: StreamTable
    secure: PublicTable
    has_tls: bool = False

    @property
    def notices(self) -> list[str]:
        """What an operator should know about what is not served."""
        return [*self.public.notices, *self.secure.notices, *self.streams.notices]

    def having(self, endpoints: Iterable[Endpoint], chance: random.Random | None = None) -> Snapshot:
        """Return a snapshot with more http and https endpoints.

        Those of one URL come together, and take the place of what was served there. Raises ValueError.
        """
        public, internal = _pools(endpoints, chance or random.Random())  # noqa: S311
        in_clear, secure = _by_listener(public, has_tls=self.has_tls)
        return self._replace(
            public=self.public.having(in_clear) if in_clear else self.public,
            secure=self.secure.having(secure) if secure else self.secure,
            internal=self.internal.having(internal) if internal else self.internal,
        )


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

    public, internal = _pools(endpoints, chance or random.Random())  # noqa: S311
    for bare in (any_host, any_secure):
        if bare is not None:
            bare.info.id = endpoint_id(bare.key)
    owners: dict[tuple[Protocol, str, int], str] = {}
    for pool in public:
        key = pool.key
        owner = owners.setdefault((key.scheme, key.host, key.port), key.account)
        if owner != key.account:
            raise ValueError(f"two accounts claim {key.scheme}://{key.host}")
    in_clear, secure = _by_listener(public, has_tls=has_tls)
    return Snapshot(
        PublicTable(in_clear, any_host),
        InternalTable(internal),
        StreamTable(pool for pool in public if not pool.key.scheme.is_http),
        PublicTable(secure, any_secure),
        has_tls,
    )


def _pools(
    endpoints: Iterable[Endpoint], chance: random.Random
) -> tuple[list[Pool[PublicEndpoint]], list[Pool[InternalEndpoint]]]:
    """Return the pools that endpoints form, their members numbered. Raises ValueError."""
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
    for members in every:
        for number, member in enumerate(members):
            member.info.id = endpoint_id(member.key, number)
        if len(members) > 1 and not all(each.pooled for each in members):
            raise ValueError(
                f"several endpoints have the URL {members[0].info.url}, and not all of them pool"
            )
    return (
        [Pool(members, chance) for members in public.values()],
        [Pool(members, chance) for members in internal.values()],
    )


def _by_listener(
    pools: Iterable[Pool[PublicEndpoint]], *, has_tls: bool
) -> tuple[list[Pool[PublicEndpoint]], list[Pool[PublicEndpoint]]]:
    """Return the http and https pools that are served in clear, and those that are served over TLS."""
    in_clear: list[Pool[PublicEndpoint]] = []
    secure: list[Pool[PublicEndpoint]] = []
    for pool in pools:
        scheme = pool.key.scheme
        if scheme is Protocol.HTTPS and has_tls:
            secure.append(pool)
        elif scheme.is_http:
            in_clear.append(pool)
    return in_clear, secure
