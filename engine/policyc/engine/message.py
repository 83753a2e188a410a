"""What requests and responses have in common: parts of header fields, read from the message when asked for.

Nothing here is kept on the message itself: what is worth keeping stays in `Headers.derived`, which a change
of the headers empties.
"""

from __future__ import annotations

from collections.abc import Callable

from policyc.engine.cel.times import timestamp_to_text
from policyc.engine.traffic import Exchange, Request, Response
from policyc.engine.values import Timestamp

Message = Request | Response


def header(name: str) -> Callable[[Message], str]:
    """Return a reader of the first value of a header, an empty string if there is none."""

    def read(message: Message) -> str:
        values = message.headers.get(name)
        return values[0] if values else ""

    return read


def has(name: str) -> Callable[[Message], bool]:
    """Return a reader that tells whether a message has a header."""

    def read(message: Message) -> bool:
        return name in message.headers.as_map()

    return read


def header_map(message: Message) -> dict[str, list[str]]:
    """Return the values by lower-case name."""
    return message.headers.as_map()


def trailer_map(message: Message) -> dict[str, list[str]]:
    """Return the trailers' values by lower-case name; empty while they are not known."""
    return {} if message.trailers is None else message.trailers.as_map()


def content_encoding(message: Message) -> list[str]:
    """Return the codings of Content-Encoding in the order applied, lower case (RFC 9110 §8.4)."""
    codings = ",".join(message.headers.get("content-encoding")).split(",")
    return [coding.strip().lower() for coding in codings if coding.strip()]


def media_type(message: Message) -> str:
    """Return the media type of Content-Type in lower case, without parameters (RFC 9110 §8.3.1)."""
    values = message.headers.get("content-type")
    return values[0].partition(";")[0].strip().lower() if values else ""


def media_type_parameters(message: Message) -> dict[str, str]:
    """Return the parameters of Content-Type by lower-case name, unquoted; the first of a name counts."""
    values = message.headers.get("content-type")
    if not values:
        return {}
    found: dict[str, str] = {}
    for part in _split_parameters(values[0].partition(";")[2]):
        name, equals, value = part.partition("=")
        name = name.strip().lower()
        if name and equals:
            found.setdefault(name, _unquote(value.strip()))
    return found


def _split_parameters(text: str) -> list[str]:
    """Split at semicolons that stand outside of quoted strings."""
    parts: list[str] = []
    begin = 0
    quoted = escaped = False
    for at, char in enumerate(text):
        if escaped:
            escaped = False
        elif quoted and char == "\\":
            escaped = True
        elif char == '"':
            quoted = not quoted
        elif char == ";" and not quoted:
            parts.append(text[begin:at])
            begin = at + 1
    parts.append(text[begin:])
    return parts


def _unquote(value: str) -> str:
    if len(value) < 2 or value[0] != '"' or value[-1] != '"':
        return value
    made: list[str] = []
    escaped = False
    for char in value[1:-1]:
        if not escaped and char == "\\":
            escaped = True
        else:
            made.append(char)
            escaped = False
    return "".join(made)


def fill_now(exchange: Exchange) -> str:
    """Read the clock once for this phase run, as RFC 3339 text with its fraction of a second."""
    text = exchange.now = timestamp_to_text(Timestamp(exchange.services.now_ns()))
    return text
