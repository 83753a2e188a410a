"""What redirect and url-rewrite share: the URL that they match, and the one that they make.

The subject is the full URL as `req.url` shows it. A result without authority keeps that of the request; what
may not stand in a URL is percent-encoded, what could split a message is an error (spec/actions.md#redirect).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from policyc.engine.replace import Replaced, replace_all, split_replacement, whole
from policyc.engine.request_url import authority, fill_url
from policyc.engine.schema import Config, FieldFault
from policyc.engine.types import ERROR_RECORD, STRING, Field, Record, list_of

if TYPE_CHECKING:
    from policyc.engine.traffic import Exchange, Request

RESULT = Record(
    "rewriting",
    (),
    {
        "matches": Field(
            list_of(STRING), "the first match of `from` and its groups; empty if nothing matched"
        ),
        "url": Field(STRING, "the URL that came out"),
        "error": Field(ERROR_RECORD, "what failed"),
    },
)

NO_ERROR: Mapping[str, object] = {"code": "", "message": ""}

# RFC 3986: what may stand in a URL besides percent-escapes. `|`, `^` and so on are encoded, as browsers do.
_UNSAFE = r"[^A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]|%(?![0-9A-Fa-f]{2})"
_ABSOLUTE = r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)(.*)"


class Url(NamedTuple):
    """A URL in its three parts; `rest` is path, query and fragment."""

    scheme: str
    authority: str
    rest: str

    @property
    def text(self) -> str:
        """The whole URL."""
        return f"{self.scheme}://{self.authority}{self.rest}"


class NotUrlError(Exception):
    """A replacement whose result is no URL."""


def encode(text: str) -> str:
    """Return the text with what may not stand in a URL percent-encoded; escapes stay as they are.

    >>> encode("https://h/a b%20c%")
    'https://h/a%20b%20c%25'
    """
    return re.sub(
        _UNSAFE,
        lambda m: "".join(f"%{octet:02X}" for octet in m.group().encode("utf-8", "surrogateescape")),
        text,
    )


def resolve(text: str, request: Request) -> Url:
    """Return the URL that a replacement's result means for a request; raises NotUrlError."""
    if any(sign < " " or sign == "\x7f" for sign in text):
        raise NotUrlError("the resulting URL holds a control character")
    text = encode(text)
    found = re.fullmatch(_ABSOLUTE, text)
    if found is not None:
        scheme, host, rest = found.groups()
        if not host:
            raise NotUrlError("the resulting URL has no host")
        if "[" in rest or "]" in rest:
            rest = rest.replace("[", "%5B").replace("]", "%5D")
        return Url(scheme, host, rest if rest.startswith("/") else f"/{rest}")
    if text.startswith("/"):  # `//host` too is a path: a client that sends one must not choose the host
        return Url(request.scheme, authority(request), text)
    if text.startswith("?"):
        return Url(request.scheme, authority(request), f"{request.url_path or '/'}{text}")
    raise NotUrlError("the result is neither a URL nor a path")


def subject_of(x: Exchange) -> str:
    """Return the URL that patterns are matched against."""
    request = x.req
    return request.url or fill_url(request)


def replacer(config: Config, action: str) -> Callable[[Exchange, str], Replaced]:
    """Return what replaces in a subject as the config says; it may raise FieldFault."""
    from policyc.engine.cel.regex import Pattern, compiled

    pattern_field, to_field = config.get("from"), config["to"]
    if to_field.is_constant and (pattern_field is None or pattern_field.is_constant):
        if pattern_field is None:
            parts = split_replacement(to_field.value, {}, 0)
            return lambda _x, subject: whole(parts, subject)
        pattern = Pattern(pattern_field.value)
        made = pattern()
        parts = split_replacement(to_field.value, made.groupindex, made.groups)
        return lambda _x, subject: replace_all(pattern(), parts, subject)

    read_to = to_field.reader()
    read_from = None if pattern_field is None else pattern_field.reader()

    def replace(x: Exchange, subject: str) -> Replaced:
        text = read_to(x)
        if read_from is None:
            return whole(split_replacement(text, {}, 0), subject)
        made = compiled(read_from(x))
        return replace_all(made, split_replacement(text, made.groupindex, made.groups), subject)

    return replace


def failed(x: Exchange, name: str, url: str, fault: FieldFault) -> None:
    """Set the result variables of an action that failed."""
    x.results[name] = {"matches": [], "url": url, "error": fault.error()}
