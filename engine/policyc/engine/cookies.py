"""Cookies as policies see them: of a request by RFC 6265 §5.4's header, of a response by §5.2's attributes.

A cookie is a record of type COOKIE: a dict with all its fields, but `expires` only where the response gave
one that is a date. Nothing is decoded: values are what stood in the header, surrounding quotes and blanks
apart.
"""

from __future__ import annotations

from policyc.engine.traffic import Request, Response
from policyc.engine.values import DURATION_MAX_NS, DURATION_MIN_NS, TIMESTAMP_MIN_NS, Duration, Timestamp

Cookie = dict[str, object]

_SECOND = 1_000_000_000
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def cookie(name: str = "", value: str = "") -> Cookie:
    """Return a cookie without attributes; without arguments, what a look-up of a missing name gives."""
    return {
        "name": name,
        "value": value,
        "domain": "",
        "path": "",
        "same_site": "",
        "max_age": Duration(0),
        "http_only": False,
        "secure": False,
        "unparsed_attributes": {},
    }


def of_request(request: Request) -> dict[str, list[Cookie]]:
    """Return the cookies of the Cookie header by name, in the order of the header."""
    known: dict[str, list[Cookie]] | None = request.headers.derived.get("cookies")
    if known is None:
        known = request.headers.derived["cookies"] = parse_cookies(request.headers.get("cookie"))
    return known


def of_response(response: Response) -> dict[str, list[Cookie]]:
    """Return the cookies that the response sets by name; of one name, the longest path first."""
    known: dict[str, list[Cookie]] | None = response.headers.derived.get("cookies")
    if known is None:
        known = response.headers.derived["cookies"] = parse_set_cookies(response.headers.get("set-cookie"))
    return known


def parse_cookies(lines: list[str]) -> dict[str, list[Cookie]]:
    """Read Cookie header lines; a pair without `=` or name is left out."""
    found: dict[str, list[Cookie]] = {}
    for line in lines:
        for pair in line.split(";"):
            name, equals, value = pair.partition("=")
            name = name.strip(" \t")
            if equals and name:
                found.setdefault(name, []).append(cookie(name, _bare(value)))
    return found


def parse_set_cookies(lines: list[str]) -> dict[str, list[Cookie]]:
    """Read Set-Cookie header lines; of one name, the longest path comes first."""
    found: dict[str, list[Cookie]] = {}
    for line in lines:
        made = parse_set_cookie(line)
        if made is not None:
            found.setdefault(str(made["name"]), []).append(made)
    for cookies in found.values():
        cookies.sort(key=lambda one: -len(str(one["path"])))
    return found


def parse_set_cookie(line: str) -> Cookie | None:
    """Read one Set-Cookie header; None if it sets no cookie. The last attribute of a name counts."""
    pair, *attributes = line.split(";")
    name, equals, value = pair.partition("=")
    name = name.strip(" \t")
    if not equals or not name:
        return None
    made = cookie(name, _bare(value))
    unparsed: dict[str, str] = {}
    for attribute in attributes:
        key, _, value = attribute.partition("=")
        key, value = key.strip(" \t"), value.strip(" \t")
        match key.lower():
            case "":
                pass
            case "domain":
                made["domain"] = value.removeprefix(".").lower()
            case "path":
                made["path"] = value
            case "samesite":
                made["same_site"] = value
            case "expires":
                when = parse_date(value)
                if when is not None:
                    made["expires"] = when
            case "max-age":
                if value.removeprefix("-").isascii() and value.removeprefix("-").isdigit():
                    made["max_age"] = _seconds(value)
            case "httponly":
                made["http_only"] = True
            case "secure":
                made["secure"] = True
            case _:
                unparsed[key] = value
    made["unparsed_attributes"] = unparsed
    return made


def _seconds(digits: str) -> Duration:
    limit = DURATION_MAX_NS // _SECOND
    if len(digits.lstrip("-0")) > len(str(limit)):
        return Duration(DURATION_MIN_NS if digits.startswith("-") else DURATION_MAX_NS)
    return Duration(max(DURATION_MIN_NS, min(DURATION_MAX_NS, int(digits) * _SECOND)))


def _bare(value: str) -> str:
    value = value.strip(" \t")
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value


def parse_date(value: str) -> Timestamp | None:
    """Return the date of an Expires attribute as RFC 6265 §5.1.1 reads it; None if it is no date."""
    time: tuple[int, ...] | None = None
    day = month = year = None
    for token in _date_tokens(value):
        if time is None and (time := _time_of_day(token)) is not None:
            continue
        digits = _leading_digits(token)
        if day is None and 1 <= len(digits) <= 2:
            day = int(digits)
        elif month is None and token[:3].lower() in _MONTHS:
            month = _MONTHS.index(token[:3].lower()) + 1
        elif year is None and 2 <= len(digits) <= 4:
            year = int(digits)
    if time is None or day is None or month is None or year is None:
        return None
    if len(str(year)) <= 2:
        year += 1900 if year >= 70 else 2000
    if year < 1601:
        return None
    from datetime import date  # no other part of the engine's way needs it

    try:
        days = date(year, month, day).toordinal() - 1
    except ValueError:
        return None
    hour, minute, second = time
    if hour > 23 or minute > 59 or second > 59:
        return None
    return Timestamp(TIMESTAMP_MIN_NS + ((days * 24 + hour) * 3600 + minute * 60 + second) * _SECOND)


def _date_tokens(value: str) -> list[str]:
    """Split at RFC 6265's delimiters: everything but letters, digits, `:` and octets beyond ASCII."""
    return "".join(c if c.isalnum() or c == ":" or c > "~" else " " for c in value).split()


def _leading_digits(token: str) -> str:
    end = 0
    while end < len(token) and "0" <= token[end] <= "9":
        end += 1
    return token[:end] if end <= 4 else ""


def _time_of_day(token: str) -> tuple[int, ...] | None:
    parts = token.split(":")
    if len(parts) != 3 or not all(p.isascii() and p.isdigit() and len(p) <= 2 for p in parts):
        return None
    return tuple(int(p) for p in parts)
