"""Where decisions lead (engine/decision.py): the hops of a request that no phase had to run for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, cast

from policyc.engine.additions import Additions
from policyc.engine.decision import Decision
from policyc.engine.traffic import Exchange, Request
from policyc.runtime.exchange import Hop
from policyc.runtime.transport.upstream import HttpOrigin

if TYPE_CHECKING:
    from policyc.engine.traffic import Connection, Services
    from policyc.runtime.endpoints import Endpoint

Way = Sequence[tuple["Endpoint", Decision]]

MOST_KEPT: Final = 64  # routes from one endpoint


class Route:
    """What exchanges that come this way have in common; the next request of a client mostly is one.

    `asked` is what the phases add to the request and `answered` what they add to the response, as lines;
    `names` are the rules that act, `passed` the URLs of the endpoints, `closing` how a line of the access log
    ends, where somebody has asked.
    """

    __slots__ = ("answered", "asked", "closing", "endpoint", "names", "origin", "passed", "way")

    def __init__(self, way: Way, origin: HttpOrigin) -> None:
        """Sum up the hops of `way`, from the outermost one to the one with `origin`."""
        self.way: Final = tuple(way)
        self.origin = origin
        self.endpoint = way[-1][0]
        self.asked = b"".join([decision.block for _, decision in way])
        self.passed = [endpoint.info.url for endpoint, _ in way]
        names = [name for _, decision in way for name in decision.names]
        self.answered = b""
        for endpoint, _ in reversed(way):
            phase = endpoint.on_http_response
            if type(phase) is Additions:
                self.answered += phase.block
                names += phase.names
        self.names = tuple(names)
        self.closing = ""

    def hops(
        self,
        conn: Connection,
        services: Services,
        request: Request,
        results: dict[str, dict[str, object]] | None,
    ) -> list[Hop]:
        """Return the hops as they are where phases run, with all that these have done to `request`."""
        hops: list[Hop] = []
        for endpoint, decision in self.way:
            view = Exchange(conn, endpoint.info, services, request)
            if hops:
                view.logs, view.acted = hops[0].view.logs, hops[0].view.acted
            elif results:
                view.results = dict(results)
            hop = Hop(endpoint, view)
            hop.forward = decision.apply(view)
            hops.append(hop)
        return hops


def route_from(first: Endpoint, key: object, origin: HttpOrigin) -> Route:
    """Return the route of what was decided at `first`: `key` is that decision, or all hops' in a row."""
    routes = first.routes
    if routes is None:
        routes = first.routes = {}
    known = routes.get(key)
    if known is None:
        if len(routes) >= MOST_KEPT:
            routes.clear()
        way = [(first, key)] if not isinstance(key, tuple) else zip(key[::2], key[1::2], strict=True)
        known = routes[key] = Route(cast(Way, list(way)), origin)
    return known
