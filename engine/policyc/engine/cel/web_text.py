"""Percent-encoding, query strings, and URLs taken apart, as Go's net/url (and so ngrok) reads them.

These are about texts that a policy holds in its hand; the request's own URL is request_url.py's.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from policyc.engine.cel.coerce import to_text
from policyc.engine.cel.limits import TEXT_LIMIT, bounded_text, text_limit_passed
from policyc.engine.values import EvalError

_CONTROLS = frozenset(map(chr, (*range(0x20), 0x7F)))
_HEX = "0123456789abcdefABCDEF"
_SCHEME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.")


def escape(text: str) -> str:
    """Return the text with everything but letters, digits and `-._~` as octets in hexadecimal."""
    if len(text) > TEXT_LIMIT:
        text_limit_passed()
    from urllib.parse import quote_from_bytes

    return str(bounded_text(quote_from_bytes(text.encode("utf-8", "surrogateescape"), safe="")))


def unescape(text: str) -> str:
    """Return the text with its percent escapes decoded; raises EvalError for a bad one."""
    if "%" not in text:
        return text
    octets = _octets_of_escapes()
    parts = text.encode("utf-8", "surrogateescape").split(b"%")
    made = [parts[0]]
    for part in parts[1:]:
        octet = octets.get(part[:2])
        if octet is None:
            wrong = part[:2].decode("utf-8", "replace")
            raise EvalError("invalid_argument", f"`%{wrong}` is no percent escape")
        made.append(octet)
        made.append(part[2:])
    return b"".join(made).decode("utf-8", "surrogateescape")


@cache
def _octets_of_escapes() -> Mapping[bytes, bytes]:
    return {(a + b).encode(): bytes((int(a + b, 16),)) for a in _HEX for b in _HEX}


def decode_query(text: str) -> dict[str, str]:
    """Return the parameters of a query string, the first of repeated ones; raises EvalError (bad escape)."""
    found: dict[str, str] = {}
    for pair in text.removeprefix("?").split("&"):
        if pair:
            if ";" in pair:
                raise EvalError("invalid_argument", "a query string has no `;` between its parameters")
            key, _, value = pair.partition("=")
            found.setdefault(unescape(key.replace("+", " ")), unescape(value.replace("+", " ")))
    return found


def encode_query(parameters: Mapping[Any, Any]) -> str:
    """Return the query string of a map, keys in order; a list repeats its key."""
    pairs: list[str] = []
    for key, value in sorted((to_text(key), value) for key, value in parameters.items()):
        for one in value if type(value) is list else (value,):
            pairs.append(f"{_form(key)}={_form(to_text(one))}")
    return str(bounded_text("&".join(pairs)))


def _form(text: str) -> str:
    return escape(text).replace("%20", "+")


def is_query(text: str) -> bool:
    """Return whether the text is `key=value` pairs without blanks, every key there, every escape good."""
    text = text.removeprefix("?")
    if not text or " " in text or not _CONTROLS.isdisjoint(text):
        return False
    if not all("=" in pair and not pair.startswith("=") for pair in text.split("&")):
        return False
    try:
        decode_query(text)
    except EvalError:
        return False
    return True


def parse_url(text: str) -> dict[str, object]:
    """Return the parts of a URL (types.URL_PARTS), empty where it has none; raises EvalError."""
    if not _CONTROLS.isdisjoint(text):
        raise _bad_url(text, "it holds a control character")
    rest, _, fragment = text.partition("#")
    rest, _, query = rest.partition("?")
    head, colon, tail = rest.partition(":")
    scheme = ""
    if colon and head[:1].isascii() and head[:1].isalpha() and _SCHEME.issuperset(head):
        scheme, rest = head.lower(), tail
    elif colon and not head:
        raise _bad_url(text, "its scheme is missing")
    elif colon and "/" not in head:
        raise _bad_url(text, "its first part holds a colon")
    authority = ""
    if rest.startswith("//"):
        authority, slash, path = rest[2:].partition("/")
        rest = slash + path
    user, at, host = authority.rpartition("@")
    if not at:
        host = authority
    hostname, port = _split_host(text, host)
    return {
        "scheme": scheme,
        "host": host,
        "hostname": hostname,
        "port": port,
        "path": unescape(rest),
        "raw_path": rest,
        "query": query,
        "fragment": unescape(fragment),
        "user": user,
    }


def _split_host(text: str, host: str) -> tuple[str, str]:
    if host.startswith("["):
        name, bracket, rest = host[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise _bad_url(text, "its host lacks a bracket")
    else:
        name, colon, port = host.partition(":")
        rest = colon + port
    port = rest[1:]
    if port and not (port.isascii() and port.isdigit()):
        raise _bad_url(text, "its port is no number")
    if any(c in ' "<>\\^`{|}' for c in name):
        raise _bad_url(text, "its host holds a character that no host has")
    return unescape(name), port


def _bad_url(text: str, why: str) -> EvalError:
    return EvalError("invalid_argument", f"`{text[:64]}` is no URL: {why}")


def is_url(text: str) -> bool:
    """Return whether the text is an absolute URL: it has a scheme and a host."""
    if " " in text:
        return False
    try:
        parts = parse_url(text)
    except EvalError:
        return False
    return bool(parts["scheme"]) and bool(parts["hostname"])
