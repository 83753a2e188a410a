"""URLs of endpoints and of upstreams: their grammar, their one normal form, and what is wrong with others.

`scheme://host[:port]` and nothing else (spec/endpoints.md §1). Rules that must hold:

1. Two URLs that name the same endpoint have equal keys: lower case, A-labels, no trailing dot, explicit port.
2. A host that ends in `.internal` once it is normal is internal, however it was spelled; nothing else is.
3. A target of forward-internal that comes from traffic goes through the same grammar, so no spelling that a
   client chooses can name a public endpoint, a wildcard or another port than the one written.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, NamedTuple

from policyc.engine.phases import Binding, Protocol

INTERNAL_LABELS_MAX = 5  # before `.internal`, `*` counts as one (spec/endpoints.md §1.3)
LABEL_OCTETS_MAX = 63
NAME_OCTETS_MAX = 253
_TARGET_CHARACTERS_MAX = 1024  # of a forward target; longer ones are refused before they are looked at
_TARGETS_REMEMBERED = 4096

_INTERNAL = ".internal"
_LABEL = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
_SCHEMES = {protocol.value: protocol for protocol in Protocol}
_SCHEME_LIST = "`http`, `https`, `tcp` or `tls`"


class EndpointUrl(NamedTuple):
    """The URL of an endpoint in its normal form; `host` is `*`, `*.…`, a name, an IPv4 or a bracketed IPv6.

    `is_partial` if the author left the scheme out. Equality counts it: compare `key`.
    """

    scheme: Protocol
    host: str
    port: int
    binding: Binding
    is_partial: bool = False

    @property
    def addr(self) -> str:
        """`host:port`, the port always there."""
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The URL as it is shown: without the port where it is the scheme's default."""
        if self.port == self.scheme.default_port:
            return f"{self.scheme.value}://{self.host}"
        return f"{self.scheme.value}://{self.host}:{self.port}"

    @property
    def key(self) -> tuple[Binding, Protocol, str, int]:
        """What identifies the endpoint within its account (spec/endpoints.md §1.6)."""
        return self.binding, self.scheme, self.host, self.port

    @property
    def is_wildcard(self) -> bool:
        """Whether it stands for several hosts."""
        return self.host.startswith("*")


class UrlProblem(NamedTuple):
    """Why a text is no such URL: `ngrok` is the ERR_NGROK number, `start` and `end` where in the text."""

    ngrok: int
    message: str
    start: int
    end: int
    hint: str | None = None


class Upstream(NamedTuple):
    """Where the traffic of an endpoint goes: `host` and `port`, or the `path` of a socket or a folder."""

    scheme: Literal["http", "https", "tcp", "tls", "unix", "file"]
    host: str = ""
    port: int = 0
    path: str = ""

    @property
    def url(self) -> str:
        """The upstream in one spelling."""
        if self.scheme in ("unix", "file"):
            return f"{self.scheme}:{self.path}"
        return f"{self.scheme}://{self.host}:{self.port}"


class _Fault(Exception):  # noqa: N818  # it never leaves this module
    def __init__(self, ngrok: int, message: str, at: tuple[int, int], hint: str | None = None) -> None:
        self.problem = UrlProblem(ngrok, message, *at, hint)


def parse_endpoint_url(text: str, binding: Binding | None = None) -> EndpointUrl | UrlProblem:
    """Return the endpoint that `text` names, or what is wrong with it.

    Without `binding` it is inferred: internal for a host under `.internal`, else public. A scheme that is
    left out is https (spec/endpoints.md §1.5); who wants it written asks `is_partial`.
    """
    try:
        return _endpoint_url(text, binding)
    except _Fault as fault:
        return fault.problem


def parse_forward_target(text: str) -> EndpointUrl | UrlProblem:
    """Return the internal endpoint that a target of forward-internal names: concrete, with its scheme.

    Interpolated targets come from clients: what is remembered is bounded in number and in length.
    """
    if len(text) > _TARGET_CHARACTERS_MAX:
        return UrlProblem(9034, "the target is too long for a URL", 0, len(text))
    return _remembered_target(text)


@lru_cache(maxsize=_TARGETS_REMEMBERED)
def _remembered_target(text: str) -> EndpointUrl | UrlProblem:
    try:
        target = _endpoint_url(text, Binding.INTERNAL)
        if target.is_partial:
            whole = (0, len(text))
            raise _Fault(18022, "the target has no scheme", whole, f"write it as `https://{text}`")
        if target.is_wildcard:
            at = _find(text, "*")
            raise _Fault(9032, "the target of a forward names one endpoint, not a wildcard", at)
        return target
    except _Fault as fault:
        return fault.problem


def parse_upstream(text: str, protocol: Protocol | None = None) -> Upstream | UrlProblem:
    """Return where an upstream is, in any of the forms of spec/endpoints.md §8.1, or what is wrong with it.

    With `protocol`, that of the endpoint in front of it, a bare `host:port` is read for it and a scheme that
    cannot carry its traffic is refused.
    """
    try:
        upstream = _upstream(text, protocol)
        if protocol is not None:
            _check_carries(upstream, protocol, text)
        return upstream
    except _Fault as fault:
        return fault.problem


# --- endpoints -------------------------------------------------------------------------------------------


def _endpoint_url(text: str, binding: Binding | None) -> EndpointUrl:
    _refuse_controls(text)
    scheme_text, separator, rest = text.partition("://")
    start = len(scheme_text) + 3 if separator else 0
    if not separator:
        scheme, rest = Protocol.HTTPS, text
    else:
        found = _SCHEMES.get(scheme_text.lower())
        if found is None:
            message = f"`{scheme_text}` is no scheme of an endpoint" if scheme_text else "the scheme is empty"
            raise _Fault(9036, message, (0, max(1, len(scheme_text))), f"use {_SCHEME_LIST}")
        scheme = found
    _refuse_parts(rest, start)
    host_text, port_text, port_at = _split_port(rest, start)
    host_at = (start, start + len(host_text))
    if not host_text:
        whole = (0, max(1, len(text)))
        raise _Fault(9028, "the URL names no host, and random hosts are not given out", whole, "name a host")
    host = _normal_host(host_text, host_at)
    binding = binding or (Binding.INTERNAL if host.endswith(_INTERNAL) else Binding.PUBLIC)
    _check_host(host, binding, scheme, host_at)
    return EndpointUrl(scheme, host, _port(scheme, port_text, port_at, text), binding, not separator)


def _refuse_controls(text: str) -> None:
    for at, sign in enumerate(text):
        if sign <= " " or sign == "\x7f" or sign == "\\" or sign.isspace():
            shown = sign.encode("unicode_escape").decode("ascii") if sign != " " else "a blank"
            raise _Fault(9034, f"a URL cannot hold {_quoted(shown)}", (at, at + 1))


def _quoted(shown: str) -> str:
    return shown if shown == "a blank" else f"`{shown}`"


def _refuse_parts(rest: str, start: int) -> None:
    """Refuse everything but host and port, by name (9037), a lone trailing slash by its own number (9038)."""
    end = start + len(rest)
    for sign, part in (("#", "a fragment"), ("?", "a query")):
        found = rest.find(sign)
        if found >= 0:
            raise _Fault(9037, f"the URL of an endpoint has no place for {part}", (start + found, end))
    slash = rest.find("/")
    if slash >= 0 and slash == len(rest) - 1:
        hint = "leave the slash out"
        raise _Fault(9038, "the URL of an endpoint does not end with a slash", (start + slash, end), hint)
    if slash >= 0:
        hint = "match on `req.url.path` in the policy instead"
        raise _Fault(9037, "the URL of an endpoint has no place for a path", (start + slash, end), hint)
    user = rest.rfind("@")
    if user >= 0:
        message = "the URL of an endpoint has no place for user information"
        raise _Fault(9037, message, (start, start + user + 1))


def _split_port(rest: str, start: int) -> tuple[str, str | None, tuple[int, int]]:
    """Return the host, the text of the port (None if there is no colon) and where the port is."""
    if rest.startswith("["):
        close = rest.find("]")
        if close < 0:
            raise _Fault(9032, "the `[` of the address is never closed", (start, start + len(rest)))
        host, tail = rest[: close + 1], rest[close + 1 :]
        if tail and not tail.startswith(":"):
            raise _Fault(9034, f"`{tail}` is no port", (start + close + 1, start + len(rest)))
        return host, tail[1:] if tail else None, (start + close + 2, start + len(rest))
    host, colon, port = rest.partition(":")
    if ":" in port:
        hint = "an IPv6 address stands in brackets"
        raise _Fault(9034, f"`{rest}` is no host with a port", (start, start + len(rest)), hint)
    return host, port if colon else None, (start + len(host) + 1, start + len(rest))


def _port(scheme: Protocol, port: str | None, at: tuple[int, int], text: str) -> int:
    if port is None:
        default = scheme.default_port
        if default is None:
            hint = f"write it as `{text}:5432`, with your own port"
            raise _Fault(18003, f"a `{scheme.value}` endpoint must name its port", (0, len(text)), hint)
        return default
    if not (port.isascii() and port.isdigit()):
        message = f"the port `{port}` is no number" if port else "the port is empty"
        raise _Fault(9033, message, at if port else (max(0, at[0] - 1), at[1]))
    number = int(port) if len(port) <= 6 else 0
    if not 1 <= number <= 65535:
        raise _Fault(9030, f"the port {port[:20]} is not between 1 and 65535", at)
    return number


def _normal_host(host: str, at: tuple[int, int]) -> str:
    """Return the host in lower case, A-labels, without a trailing dot; every label is checked."""
    if host.startswith("["):
        return _ipv6(host, at)
    if not host.isascii():
        host = _a_labels(host, at)
    host = host.lower()
    if host.endswith(".") and host != ".":
        host = host[:-1]
    if host == "*":
        return host
    labels = host.split(".")
    if labels[-1].isdigit():
        return _ipv4(host, at)
    for index, label in enumerate(labels):
        if not (label == "*" and index == 0):
            _check_label(label, at)
    if len(host) > NAME_OCTETS_MAX:
        raise _Fault(397, f"the host is longer than {NAME_OCTETS_MAX} octets", at)
    return host


def _check_label(label: str, at: tuple[int, int]) -> None:
    if not label:
        raise _Fault(9032, "the host has an empty label between two dots", at)
    if "*" in label:
        hint = "a wildcard is written `*.name`"
        raise _Fault(402, "`*` can only be the whole first label of a host", at, hint)
    if "_" in label:
        raise _Fault(355, f"the label `{label}` holds an underscore", at, "use a hyphen")
    wrong = next((sign for sign in label if sign not in _LABEL), None)
    if wrong is not None:
        hint = "labels are made of letters, digits and hyphens"
        raise _Fault(326, f"a host cannot hold `{wrong}`", at, hint)
    if label[0] == "-":
        raise _Fault(327, f"the label `{label}` starts with a hyphen", at)
    if label[-1] == "-":
        raise _Fault(328, f"the label `{label}` ends with a hyphen", at)
    if len(label) > LABEL_OCTETS_MAX:
        raise _Fault(396, f"a label of the host is longer than {LABEL_OCTETS_MAX} octets", at)
    if label.startswith("xn--"):
        _check_punycode(label, at)


def _check_punycode(label: str, at: tuple[int, int]) -> None:
    try:
        decoded = label[4:].encode("ascii").decode("punycode")
        if decoded and not decoded.isascii():
            return
    except (UnicodeError, OverflowError, ValueError):
        pass
    raise _Fault(330, f"the label `{label}` is no punycode", at)


def _a_labels(host: str, at: tuple[int, int]) -> str:
    """Return an internationalised name as A-labels (RFC 3490)."""
    first, dot, rest = host.partition(".")
    name = rest if first == "*" and dot else host
    try:
        encoded = name.encode("idna").decode("ascii")
    except UnicodeError:
        raise _Fault(330, f"the host `{host}` cannot be written in ASCII", at) from None
    return f"*.{encoded}" if name is rest else encoded


def _ipv4(host: str, at: tuple[int, int]) -> str:
    parts = host.split(".")
    if len(parts) != 4 or not all(map(_is_octet, parts)):
        raise _Fault(9032, f"`{host}` is neither a name nor an address", at)
    return host


def _is_octet(part: str) -> bool:
    return part.isascii() and part.isdigit() and len(part) <= 3 and str(int(part)) == part and int(part) < 256


def _ipv6(host: str, at: tuple[int, int]) -> str:
    from ipaddress import IPv6Address

    try:
        if "%" in host:
            raise ValueError
        return f"[{IPv6Address(host[1:-1]).compressed}]"
    except ValueError:
        raise _Fault(9032, f"`{host}` is no IPv6 address", at) from None


def _check_host(host: str, binding: Binding, scheme: Protocol, at: tuple[int, int]) -> None:
    if binding is Binding.INTERNAL:
        _check_internal(host, at)
    elif binding is Binding.KUBERNETES:
        if host.startswith(("*", "[")) or host[-1].isdigit() or host.count(".") != 1:
            hint = f"write `{scheme.value}://name.namespace`"
            raise _Fault(9039, f"`{host}` is no name and namespace of a Kubernetes service", at, hint)
    elif host.endswith(_INTERNAL) or host == "internal":
        hint = "give it the binding `internal`, or leave the binding out"
        raise _Fault(331, f"a public endpoint cannot be served at `{host}`", at, hint)


def _check_internal(host: str, at: tuple[int, int]) -> None:
    if host == "internal":
        raise _Fault(9028, "an internal endpoint needs a name before `.internal`", at, "write `app.internal`")
    if not host.endswith(_INTERNAL):
        name = host.split(".")[0]
        hint = None if host[0] in "*[" or host[-1].isdigit() else f"`{name}{_INTERNAL}` would be one"
        message = f"the host of an internal endpoint ends with `.internal`, `{host}` does not"
        raise _Fault(9029, message, at, hint)
    labels = host.count(".")
    if labels > INTERNAL_LABELS_MAX:
        most = INTERNAL_LABELS_MAX
        message = f"an internal host has at most {most} labels before `.internal`, not {labels}"
        raise _Fault(9031, message, at)


# --- upstreams -------------------------------------------------------------------------------------------


def _upstream(text: str, protocol: Protocol | None) -> Upstream:
    whole = (0, max(1, len(text)))
    if not text:
        raise _Fault(18014, "the upstream is empty", whole)
    for scheme in ("unix", "file"):
        if text.lower().startswith(f"{scheme}:"):
            return _path_upstream(scheme, text, whole)
    _refuse_controls(text)
    scheme_text, separator, rest = text.partition("://")
    start = len(scheme_text) + 3 if separator else 0
    port_text: str | None
    if not separator:
        scheme_text, rest = "", text
    elif scheme_text.lower() not in _SCHEMES:
        hint = "use `http`, `https`, `tcp`, `tls` or `unix`"
        at = (0, max(1, len(scheme_text)))
        raise _Fault(9036, f"`{scheme_text}` is no scheme of an upstream", at, hint)
    rest = rest.removesuffix("/") if separator else rest
    _refuse_upstream_parts(rest, start)
    if not separator and rest.isascii() and rest.isdigit():
        host, port_text, port_at = "localhost", rest, (start, start + len(rest))
    else:
        host, port_text, port_at = _split_port(rest, start)
    scheme = scheme_text.lower() or _assumed_scheme(protocol, port_text)
    is_http = scheme in ("http", "https")
    if not host and is_http:
        host = "localhost"
    if not host or (port_text is None and not is_http):
        raise _Fault(
            9034, f"a `{scheme}` upstream needs a host and a port", whole, f"write `{scheme}://host:port`"
        )
    host = _upstream_host(host, (start, start + len(host)))
    known = Protocol(scheme)
    return Upstream(scheme, host, _port(known, port_text, port_at, text))  # type: ignore[arg-type]


def _assumed_scheme(protocol: Protocol | None, port: str | None) -> str:
    """Return the scheme of an upstream written without one (spec/endpoints.md §8.1)."""
    if protocol is not None and not protocol.is_http:
        return "tcp"
    return "https" if port == "443" else "http"


def _refuse_upstream_parts(rest: str, start: int) -> None:
    for sign, part in (("#", "fragment"), ("?", "query"), ("/", "path")):
        at = rest.find(sign)
        if at >= 0:
            hint = "change paths with the action `url-rewrite`" if sign == "/" else None
            raise _Fault(9037, f"an upstream has no {part}", (start + at, start + len(rest)), hint)
    user = rest.rfind("@")
    if user >= 0:
        raise _Fault(9037, "an upstream has no user information", (start, start + user + 1))


def _upstream_host(host: str, at: tuple[int, int]) -> str:
    """Return the host; underscores are fine, container networks use them."""
    if host.startswith("["):
        return _ipv6(host, at)
    if not host.isascii():
        host = _a_labels(host, at)
    host = host.lower()
    if host.removesuffix(".").endswith(_INTERNAL):
        hint = "send traffic there with the action `forward-internal`"
        raise _Fault(9034, f"`{host}` is an internal endpoint, not an upstream", at, hint)
    if "*" in host or any(not label for label in host.removesuffix(".").split(".")):
        raise _Fault(9032, f"`{host}` is no host", at)
    wrong = next((sign for sign in host if sign not in _LABEL and sign not in "._"), None)
    if wrong is not None:
        raise _Fault(326, f"a host cannot hold `{wrong}`", at)
    return host


def _path_upstream(scheme: Literal["unix", "file"] | str, text: str, whole: tuple[int, int]) -> Upstream:
    path = text[len(scheme) + 1 :]
    if path.startswith("//"):
        path = path[2:]
    if "\0" in path or not path.startswith("/"):
        raise _Fault(9034, f"`{text}` does not name an absolute path", whole, f"write `{scheme}:/path`")
    return Upstream("unix" if scheme == "unix" else "file", path=path)


def _check_carries(upstream: Upstream, protocol: Protocol, text: str) -> None:
    """Refuse an upstream whose scheme cannot carry the endpoint's traffic."""
    fits = ("http", "https", "unix", "file") if protocol.is_http else ("tcp", "tls", "unix")
    if upstream.scheme not in fits:
        hint = "use " + ", ".join(f"`{name}`" for name in fits[:-1]) + f" or `{fits[-1]}`"
        message = f"traffic of a `{protocol.value}` endpoint cannot go to a `{upstream.scheme}` upstream"
        raise _Fault(15003, message, (0, max(1, len(text))), hint)


def _find(text: str, sign: str) -> tuple[int, int]:
    at = text.find(sign)
    return (at, at + 1) if at >= 0 else (0, len(text))
