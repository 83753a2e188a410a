"""The parts of `req.url`: pure functions of a `Request`; and how a rewrite replaces it.

The scheme is the endpoint's, the authority the Host header's, the rest the request target's
(spec/variables.md §4). Normalized means RFC 3986 §6.2.2: percent-encoded unreserved characters decoded, other
escapes in upper-case hex, dot segments removed, host in lower case, an empty path is `/`. The query stays as
it was received.
"""

from __future__ import annotations

from policyc.engine.traffic import Request

_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_HEX = frozenset("0123456789abcdefABCDEF")


def normalize_path(path: str) -> str:
    """Return a path normalized: `/a/%7eb/../c` is `/a/c`. Escapes are decoded first, then dots removed."""
    if "%" in path:
        path = _normalize_escapes(path)
    if "/." in path or path.startswith("."):
        path = _remove_dot_segments(path)
    return path if path.startswith("/") or path == "*" else f"/{path}"


def _normalize_escapes(path: str) -> str:
    head, *rest = path.split("%")
    made = [head]
    for part in rest:
        digits = part[:2]
        if len(digits) == 2 and digits[0] in _HEX and digits[1] in _HEX:
            char = chr(int(digits, 16))
            made.append(char if char in _UNRESERVED else f"%{digits.upper()}")
            made.append(part[2:])
        else:
            made.append(f"%{part}")  # no escape: left as it is
    return "".join(made)


def _remove_dot_segments(path: str) -> str:
    """RFC 3986 §5.2.4."""
    kept: list[str] = []
    segments = path.split("/")
    for at, segment in enumerate(segments):
        is_last = at == len(segments) - 1
        if segment == ".":
            if is_last:
                kept.append("")
        elif segment == "..":
            if len(kept) > 1:
                kept.pop()
            if is_last:
                kept.append("")
        else:
            kept.append(segment)
    return "/".join(kept)


def decode_query(query: str) -> list[tuple[str, str]]:
    """Return the decoded (name, value) pairs of a query in order; `+` is a space, a bad escape stays."""
    parts = [part.partition("=") for part in query.split("&") if part]
    if "%" in query or "+" in query:
        return [(_decode(name), _decode(value)) for name, _, value in parts]
    return [(name, value) for name, _, value in parts]


def _decode(text: str) -> str:
    text = text.replace("+", " ")
    if "%" not in text:
        return text
    head, *rest = text.split("%")
    made = bytearray(head.encode("utf-8", "surrogateescape"))
    for part in rest:
        digits = part[:2]
        if len(digits) == 2 and digits[0] in _HEX and digits[1] in _HEX:
            made.append(int(digits, 16))
            part = part[2:]
        else:
            made += b"%"
        made += part.encode("utf-8", "surrogateescape")
    return made.decode("utf-8", "surrogateescape")


def split_authority(authority: str) -> tuple[str, str, int | None]:
    """Return (user information, host, port) of an authority; the host in lower case and without brackets."""
    user, _, rest = authority.rpartition("@")
    if rest.startswith("["):
        host, _, tail = rest[1:].partition("]")
        port = tail[1:] if tail.startswith(":") else ""
    else:
        host, _, port = rest.partition(":")
    return user, host.lower(), int(port) if port.isascii() and port.isdigit() else None


# --- readers of Request -------------------------------------------------------------------------------------


def authority(request: Request) -> str:
    """Return the authority of the URL."""
    user, at, rest = request.host.rpartition("@")
    return f"{user}{at}{rest.lower()}"


def host(request: Request) -> str:
    """Return the host without port."""
    return split_authority(request.host)[1]


def port(request: Request) -> int:
    """Return the port that the URL names, 0 if it names none."""
    return split_authority(request.host)[2] or 0


def has_port(request: Request) -> bool:
    """Tell whether the URL names a port."""
    return split_authority(request.host)[2] is not None


def user_password(request: Request) -> str:
    """Return the user information."""
    return split_authority(request.host)[0]


def has_user_password(request: Request) -> bool:
    """Tell whether the URL has user information."""
    return "@" in request.host


def raw(request: Request) -> str:
    """Return the whole URL, not normalized."""
    return f"{request.scheme}://{request.host}{request.target}"


def raw_path(request: Request) -> str:
    """Return the path, not normalized."""
    return request.target.partition("?")[0]


def has_query(request: Request) -> bool:
    """Tell whether the URL has a query, be it empty."""
    return "?" in request.target


def fill_path(request: Request) -> str:
    """Work out the normalized path."""
    path = request.target.partition("?")[0]
    if "%" in path or "/." in path or path[:1] != "/":
        path = normalize_path(path)
    request.url_path = path
    return path


def fill_query(request: Request) -> str:
    """Work out the query."""
    query = request.url_query = request.target.partition("?")[2]
    return query


def fill_uri(request: Request) -> str:
    """Work out path and query."""
    path = request.url_path
    if path is None:
        path = fill_path(request)
    _, mark, query = request.target.partition("?")
    uri = request.url_uri = f"{path}{mark}{query}"
    return uri


def fill_url(request: Request) -> str:
    """Work out the whole URL, normalized."""
    uri = request.url_uri
    if uri is None:
        uri = fill_uri(request)
    url = request.url = f"{request.scheme}://{authority(request)}{uri}"
    return url


def fill_query_params(request: Request) -> dict[str, list[str]]:
    """Work out the query's values by name."""
    params: dict[str, list[str]] = {}
    query = request.target.partition("?")[2]
    if query and "&" not in query and "%" not in query and "+" not in query:  # most that there are
        name, _, value = query.partition("=")
        params[name] = [value]
        request.url_query_params = params
        return params
    for name, value in decode_query(query):
        if name in params:
            params[name].append(value)
        else:
            params[name] = [value]
    request.url_query_params = params
    return params


def rewrite(request: Request, target: str, *, host: str | None = None, scheme: str | None = None) -> None:
    """Give the request another target (path and query), and another host or scheme if given.

    Everything worked out from the old URL is forgotten.
    """
    request.target = target
    if host is not None:
        request.host = host
        request.headers.set("host", host)
    if scheme is not None:
        request.scheme = scheme
    forget(request)


def forget(request: Request) -> None:
    """Forget what was worked out from the URL: to be called when a part of it has changed."""
    request.url = None
    request.url_path = None
    request.url_query = None
    request.url_uri = None
    request.url_query_params = None
