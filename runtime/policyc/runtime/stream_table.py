"""Which public tcp or tls endpoint gets a connection: by port, and by server name.

tcp says no name, so a port has one endpoint, or several whose hosts are different addresses of this machine;
the connection goes to the one whose address it came to. tls is chosen by SNI, exact names first, then the
wildcard with most labels; its listener is one, so the port of a URL counts for nothing there.
Source: spec/endpoints.md §1.2, §3, §8.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from policyc.engine.phases import Protocol
from policyc.runtime.endpoints import Pool, PublicEndpoint, suffixes

StreamPool = Pool[PublicEndpoint]

# Hosts that stand for every address of the machine.
_EVERY = ("*", "0.0.0.0", "[::]")  # noqa: S104  # names in URLs, nothing listens on them


class StreamTable:
    """The public tcp and tls endpoints of a snapshot. Internal endpoints are of another type."""

    def __init__(self, pools: Iterable[StreamPool]) -> None:
        """Take the pools of public endpoints that are tcp or tls.

        Raises ValueError where two tcp endpoints have one port and nothing tells them apart. `notices` name
        what cannot be reached.
        """
        self._by_port: dict[int, dict[str, StreamPool]] = {}
        self._any_at: dict[int, StreamPool] = {}
        self._exact: dict[str, StreamPool] = {}
        self._wild: dict[str, StreamPool] = {}
        self.notices: list[str] = []
        for pool in sorted(pools, key=_preference):
            if pool.key.scheme is Protocol.TCP:
                self._add_tcp(pool)
            else:
                self._add_tls(pool)

    def _add_tcp(self, pool: StreamPool) -> None:
        host, port = pool.key.host, pool.key.port
        if _is_address(host) and host not in _EVERY:
            self._by_port.setdefault(port, {})[host.strip("[]")] = pool
            return
        other = self._any_at.setdefault(port, pool)
        if other is not pool:
            raise ValueError(
                f"{_url(other)} and {_url(pool)} have one port: over tcp nothing tells them apart"
            )

    def _add_tls(self, pool: StreamPool) -> None:
        host = pool.key.host
        table = self._wild if host.startswith("*") else self._exact
        served = table.setdefault(host.removeprefix("*").removeprefix("."), pool)
        if served is not pool:
            self.notices.append(f"{_url(pool)} is not served: {_url(served)} has the same host")

    @property
    def ports(self) -> list[int]:
        """The ports that tcp endpoints need a listener on."""
        return sorted({*self._by_port, *self._any_at})

    @property
    def has_tls(self) -> bool:
        """Whether there is a tls endpoint."""
        return bool(self._exact or self._wild)

    def by_port(self, port: int, address: str) -> StreamPool | None:
        """Return the pool of the tcp endpoint at `port`; `address` is where the connection came to."""
        at = self._by_port.get(port)
        found = at.get(address) if at is not None else None
        return found if found is not None else self._any_at.get(port)

    def by_name(self, sni: str) -> StreamPool | None:
        """Return the pool of the tls endpoint for a server name."""
        found = self._exact.get(sni)
        if found is not None or not self._wild:
            return found
        for suffix in (*suffixes(sni), ""):
            found = self._wild.get(suffix)
            if found is not None:
                return found
        return None

    def __iter__(self) -> Iterator[StreamPool]:
        """Every pool that is served."""
        for at in self._by_port.values():
            yield from at.values()
        yield from self._any_at.values()
        yield from self._exact.values()
        yield from self._wild.values()


def _url(pool: StreamPool) -> str:
    return pool.members[0].info.url


def _preference(pool: StreamPool) -> tuple[bool, int, str]:
    key = pool.key
    return key.port != key.scheme.default_port, key.port, key.host


def _is_address(host: str) -> bool:
    return host.startswith("[") or host.rpartition(".")[2].isdigit()
