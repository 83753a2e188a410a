"""Who the client is, as told in fields: the X-Forwarded family is rebuilt for strangers, appended to for
known peers.

A function of the connection only, for any peer that is not listed: no client can put a word in. Twins go as
well: `X_Forwarded.For` is `HTTP_X_FORWARDED_FOR` to a CGI-like upstream, and so is the real one. Source:
spec/endpoints.md §7.1, research/reliability.md §4.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from policyc.engine.traffic import Connection
from policyc.runtime import trace

Line = tuple[bytes, bytes]

# Whatever a name may hold beside letters and digits: CGI and its like make `_` of all of it.
_TOLD_REMEMBERED = 1024
_FOLD = bytes.maketrans(b"!#$%&'*+.^_`|~", b"-" * 14)


def _is_of_family(name: bytes) -> bool:
    folded = name.lower().translate(_FOLD)
    return folded.startswith(b"x-forwarded-") or folded == b"forwarded"


def _is_reserved(name: bytes) -> bool:
    """Whether only the gateway may say this: `ngrok-*`, but for the field that skips a browser warning."""
    folded = name.lower().translate(_FOLD)
    return folded.startswith(b"ngrok-") and folded != b"ngrok-skip-browser-warning"


def is_told_by_us(name: bytes) -> bool:
    """Whether a field says who the client is or is the gateway's own, so that nobody else may send it."""
    return _is_of_family(name) or _is_reserved(name)


class Forwarding:
    """Rebuilds the family; made once per gateway."""

    def __init__(self, trusted: Sequence[str] = (), keep_all: bool = False) -> None:
        """`trusted` are networks (CIDR); `keep_all` keeps and appends for everybody, as ngrok does.

        Raises ValueError for a network that is none.
        """
        self._keep_all = keep_all
        self._told: dict[tuple[str, str], bytes] = {}
        self._networks: list[object] = []
        if trusted:
            from ipaddress import ip_network

            self._networks = [ip_network(each, strict=False) for each in trusted]

    def trusts(self, address: str) -> bool:
        """Whether what a peer says is kept."""
        if self._keep_all:
            return True
        if not self._networks:
            return False
        from ipaddress import ip_address

        try:
            peer = ip_address(address)
        except ValueError:
            return False
        return any(peer in network for network in self._networks)  # type: ignore[operator]

    def told(self, conn: Connection, scheme: str, host: str) -> bytes:
        """Return the family's lines for a request that has none of its own, as octets with line ends."""
        key = conn.client_ip, scheme
        told = self._told.get(key)
        if told is None:
            told = b"x-forwarded-for: %b\r\nx-forwarded-proto: %b\r\n" % (key[0].encode(), scheme.encode())
            if len(self._told) >= _TOLD_REMEMBERED:
                self._told.clear()
            self._told[key] = told
        return b"%bx-forwarded-host: %b\r\n" % (told, host.encode("ascii")) if host else told

    def rebuild(
        self, lines: Iterable[Line], conn: Connection, scheme: str, host: str, known: bool
    ) -> list[Line]:
        """Return `lines` with the family as upstreams shall see it; `known` is what `trusts` said."""
        address, proto, named = conn.client_ip.encode(), scheme.encode(), host.encode("ascii")
        kept: list[Line] = []
        chain: list[bytes] = []
        protos: list[bytes] = []
        hosts: list[bytes] = []
        traced: list[Line] = []
        for line in lines:
            first = line[0][:1]
            if first in b"xX" and _is_of_family(line[0]):
                if not known:
                    continue
                name = line[0].lower()
                if name == b"x-forwarded-for":
                    chain.append(line[1])
                elif name == b"x-forwarded-proto":
                    protos.append(line[1])
                elif name == b"x-forwarded-host":
                    hosts.append(line[1])
                elif name.translate(_FOLD) == name:
                    kept.append(line)
                continue
            if first in b"fF" and _is_of_family(line[0]) and not known:
                continue
            if first in b"nN" and _is_reserved(line[0]):
                continue
            if first in b"tT" and line[0].lower() in trace.NAMES:
                traced.append(line)
                continue
            kept.append(line)
        if traced:
            kept += trace.passed_on(traced)
        kept.append((b"x-forwarded-for", b", ".join([*chain, address])))
        kept.append((b"x-forwarded-proto", b", ".join([*protos, proto])))
        if hosts:
            kept.append((b"x-forwarded-host", hosts[0]))
        elif named:
            kept.append((b"x-forwarded-host", named))
        return kept
