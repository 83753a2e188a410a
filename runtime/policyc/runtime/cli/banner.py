"""What `policyc run` says when it has started or reloaded: its endpoints, and what one should know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from policyc.engine.phases import Binding, Protocol
from policyc.runtime.cli.address import shown_address

if TYPE_CHECKING:
    from policyc.engine.model import Program
    from policyc.runtime.cli.address import AdminAddress
    from policyc.runtime.transport.admin import AdminListener
    from policyc.runtime.transport.listeners import Place


def listening(addresses: Sequence[tuple[str, int]], scheme: str = "http") -> Iterator[str]:
    """Yield a line for each address; programs that start a gateway wait for the first."""
    for host, port in addresses:
        yield f"listening on {scheme}://{shown_address(host, port)}"


def admin(listener: AdminListener | None, wanted: AdminAddress | None) -> Iterator[str]:
    """Yield a line on the admin listener."""
    if listener is not None and listener.address is not None:
        yield f"admin on http://{shown_address(*listener.address)} (/healthz, /readyz, /metrics)"
    elif wanted is not None:
        where = shown_address(wanted.host, wanted.port)
        yield f"notice: no admin listener: {where} is not free (`--admin ADDR` moves it)"


def streams(places: Sequence[Place]) -> Iterator[str]:
    """Yield a line for each listener of tcp and tls endpoints."""
    for place in places:
        yield f"listening on {place.scheme}://{shown_address(place.host, place.port)}"


def endpoints(program: Program, apps: Mapping[str, int], upstream: str | None, account: str) -> Iterator[str]:
    """Yield a line for each endpoint, public ones first; `apps` counts the applications by URL."""
    yield f"account {account}"
    members: dict[tuple[Binding, str], list[str]] = {}
    for each in program.endpoints:
        goes = f"-> {each.upstream.url}" if each.upstream is not None else "(policy only)"
        if each.upstream is None and each.url.url in apps:
            goes = "-> application"
        if each.account != account:
            goes += f" of account {each.account}"
        members.setdefault((each.url.binding, each.url.url), []).append(goes)
    declared = {url for _, url in members}
    for url, count in apps.items():
        if url not in declared:
            binding = Binding.INTERNAL if _is_internal(url) else Binding.PUBLIC
            members[binding, url] = ["-> application"] * count
    if upstream is not None:
        yield f"  public    any host -> {upstream}"
    for (binding, url), ways in sorted(
        members.items(), key=lambda item: (item[0][0] != Binding.PUBLIC, item[0][1])
    ):
        pool = f"pool of {len(ways)} " if len(ways) > 1 else ""
        yield f"  {binding:9} {url} {pool}{', '.join(dict.fromkeys(ways))}"


def notices(program: Program, gateway_notices: Sequence[str], *, has_tls: bool = False) -> Iterator[str]:
    """Yield what an operator should know: TLS, endpoints left out, data that is not there."""
    if not has_tls and any(_is_clear(each.url.scheme, each.url.binding) for each in program.endpoints):
        yield "notice: https endpoints are served in clear here: end TLS in front of it, or keep it local"
    for notice in (*gateway_notices, *program.notices):
        yield f"notice: {notice}"


def _is_clear(scheme: Protocol, binding: Binding) -> bool:
    return scheme is Protocol.HTTPS and binding is Binding.PUBLIC


def _is_internal(url: str) -> bool:
    from policyc.engine.endpoint_url import UrlProblem, parse_endpoint_url

    parsed = parse_endpoint_url(url)
    return not isinstance(parsed, UrlProblem) and parsed.binding is Binding.INTERNAL
