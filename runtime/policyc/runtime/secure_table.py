"""The public endpoints as one TLS connection reaches them: the Host of a request against its server name.

A connection was let in by the endpoint of its SNI, on that endpoint's TLS settings. A request for another
endpoint is served if neither has a policy for connections, and else refused with 421: one's rules would be
passed by, or the other's (RFC 9110 §15.5.20, design/architecture.md §6).
"""

from __future__ import annotations

from policyc.engine.outcome import Fail
from policyc.runtime.endpoints import Pool, PublicEndpoint, PublicTable, Snapshot


class SessionTable(PublicTable):
    """What `exchange.HttpExchange` finds endpoints in, for the requests of one connection."""

    def __init__(self, table: PublicTable, name: str) -> None:
        """Look up in `table` for a connection with the server name `name`."""
        self._table = table
        self._name = name
        self._own = table.find(name)

    def find(self, host: str | None) -> Pool[PublicEndpoint] | None:
        """Return the pool for a host, None where there is none or the connection does not reach it."""
        if host == self._name:
            return self._own
        found, own = self._table.find(host), self._own
        if found is own or found is None:
            return found
        if found.has_tcp_connect or own is None or own.has_tcp_connect:
            return None
        return found

    def missing(self, host: str | None, authority: str) -> Fail:
        """Return why `find` gave nothing."""
        if self._table.find(host) is None:
            return self._table.missing(host, authority)
        message = f"{authority or 'this endpoint'} is not served on a connection to {self._name}"
        return Fail(0, message, status=421, reason="misdirected")


def session_view(snapshot: Snapshot, name: str) -> Snapshot:
    """Return the configuration as the connection with a server name sees it."""
    return snapshot._replace(public=SessionTable(snapshot.secure, name))
