"""Literals: from how they are written to what they are.

Strings and bytes follow the CEL specification (langdef.md, "String and Bytes Values"); durations and sizes
are the `.policy` language's own.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_SIMPLE = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    "?": "?",
    '"': '"',
    "'": "'",
    "`": "`",
}
_DIGITS = {"x": 2, "X": 2, "u": 4, "U": 8}
_PREFIX = re.compile(r"""([bB]?)([rR]?)("{3}|'{3}|"|')""")

_NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60 * 1_000_000_000,
    "h": 3600 * 1_000_000_000,
}
_OCTETS = {
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "kiB": 2**10,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}


class BadEscape(NamedTuple):
    """An escape that means nothing: where in the literal, and what is wrong with it."""

    start: int
    end: int
    message: str


class Quoted(NamedTuple):
    """A string or bytes literal, decoded.

    `first` is the offset of the first character after the quote. `origins` holds for each character of a
    decoded string its offset in the literal (and for the end), None where nothing was escaped, and None for
    bytes.
    """

    value: str | bytes
    first: int
    origins: tuple[int, ...] | None
    bad: tuple[BadEscape, ...]


def decode_quoted(literal: str) -> Quoted:
    """Return what a whole string or bytes literal (prefix and quotes included) stands for."""
    prefix = _PREFIX.match(literal)
    assert prefix is not None, "the lexer only hands over literals"
    is_bytes, is_raw, quote = prefix.groups()
    first = prefix.end()
    body = literal[first : len(literal) - len(quote)]
    if is_raw or "\\" not in body:
        return Quoted(body.encode("utf-8", "surrogatepass") if is_bytes else body, first, None, ())
    if is_bytes:
        octets, bad = _decode_bytes(body, first)
        return Quoted(octets, first, None, bad)
    text, origins, bad = _decode_text(body, first)
    return Quoted(text, first, origins, bad)


def _decode_text(body: str, first: int) -> tuple[str, tuple[int, ...], tuple[BadEscape, ...]]:
    out: list[str] = []
    origins: list[int] = []
    bad: list[BadEscape] = []
    at, size = 0, len(body)
    while at < size:
        c = body[at]
        if c != "\\":
            out.append(c)
            origins.append(first + at)
            at += 1
            continue
        code, end, problem = _escape(body, at, is_bytes=False)
        if problem is not None:
            bad.append(BadEscape(first + at, first + end, problem))
        else:
            out.append(chr(code))
            origins.append(first + at)
        at = end
    origins.append(first + size)
    return "".join(out), tuple(origins), tuple(bad)


def _decode_bytes(body: str, first: int) -> tuple[bytes, tuple[BadEscape, ...]]:
    out = bytearray()
    bad: list[BadEscape] = []
    at, size = 0, len(body)
    while at < size:
        c = body[at]
        if c != "\\":
            out += c.encode("utf-8", "surrogatepass")
            at += 1
            continue
        code, end, problem = _escape(body, at, is_bytes=True)
        if problem is not None:
            bad.append(BadEscape(first + at, first + end, problem))
        else:
            out.append(code)
        at = end
    return bytes(out), tuple(bad)


def _escape(body: str, at: int, *, is_bytes: bool) -> tuple[int, int, str | None]:
    """Return the code point (or octet) of the escape at `at`, where it ends, and what is wrong with it."""
    letter = body[at + 1 : at + 2]
    simple = _SIMPLE.get(letter)
    if simple is not None:
        return ord(simple), at + 2, None
    count = _DIGITS.get(letter)
    if count is not None:
        digits = body[at + 2 : at + 2 + count]
        end = at + 2 + len(digits)
        if len(digits) < count or any(d not in "0123456789abcdefABCDEF" for d in digits):
            return 0, at + 2, f"`\\{letter}` needs {count} hexadecimal digits"
        code = int(digits, 16)
        if is_bytes and letter in "uU":
            return (
                0,
                end,
                f"`\\{letter}` stands in strings only; write the octets of a bytes literal as `\\x…`",
            )
        if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
            return 0, end, f"`{body[at:end]}` is no Unicode character"
        return code, end, None
    if letter and letter in "01234567":
        digits = body[at + 1 : at + 4]
        if len(digits) < 3 or any(d not in "01234567" for d in digits):
            return 0, at + 2, "an octal escape has three digits, `\\000` to `\\377`"
        if digits[0] > "3":
            return 0, at + 4, f"`\\{digits}` is more than `\\377`"
        return int(digits, 8), at + 4, None
    return 0, at + 2, f"`\\{letter}` is no escape"


_PART = re.compile(r"([0-9]+)(?:\.([0-9]+))?([A-Za-z]+)")


def duration_nanoseconds(literal: str) -> int:
    """Return the nanoseconds of a duration such as `1m30s` (fractions of a nanosecond are cut off)."""
    total = 0
    for whole, fraction, unit in _PART.findall(literal):
        scale = _NANOSECONDS[unit]
        total += _decimal(whole) * scale
        if fraction:
            total += _decimal(fraction) * scale // 10 ** len(fraction)
    return total


def size_octets(literal: str) -> int:
    """Return the octets of a size such as `64KB` (thousands) or `10MiB` (powers of two)."""
    part = _PART.fullmatch(literal)
    assert part is not None, "the lexer only hands over sizes"
    whole, fraction, unit = part.groups()
    total = _decimal(whole) * _OCTETS[unit]
    if fraction:
        total += _decimal(fraction) * _OCTETS[unit] // 10 ** len(fraction)
    return total


def integer(literal: str) -> int:
    """Return the value of an int or uint literal, decimal or hexadecimal, without its `u`."""
    digits = literal.rstrip("uU")
    return int(digits[2:], 16) if digits[:2] in ("0x", "0X") else _decimal(digits)


def _decimal(digits: str) -> int:
    # int() refuses very long texts with an exception; what is that long is out of range anyway.
    return int(digits) if len(digits) < 40 else 10**39
