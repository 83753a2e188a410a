"""Texts: CEL's own functions, cel-go's strings library, and ngrok's readings (spec/variables.md §9.4, §10).

Positions count code points. A position out of range is an error; ngrok's `split` with a limit throws the
surplus away, where the CEL library keeps it in the last item.
"""

from __future__ import annotations

from typing import Any

from policyc.engine.cel.extent import Amount, Extent, listing, number, smaller, text
from policyc.engine.cel.limits import (
    ITEMS_LIMIT,
    PATTERN_LIMIT,
    TEXT_LIMIT,
    bounded_text,
    items_limit_passed,
    text_limit_passed,
)
from policyc.engine.cel.prices import characters, price, same
from policyc.engine.cel.regex import matches
from policyc.engine.function import Dialect, Function, Overload
from policyc.engine.types import BOOL, BYTES, INT, STRING, list_of, map_of, param
from policyc.engine.values import EvalError

_T = param("T")
_STRINGS = list_of(STRING)

# Unicode's White_Space, which is what Go trims; Python's own notion adds the separators U+001C to U+001F.
_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)

_LOWER = {c: c + 32 for c in range(ord("A"), ord("Z") + 1)}
_UPPER = {c: c - 32 for c in range(ord("a"), ord("z") + 1)}

_QUOTED = str.maketrans(
    {
        "\a": "\\a",
        "\b": "\\b",
        "\f": "\\f",
        "\n": "\\n",
        "\r": "\\r",
        "\t": "\\t",
        "\v": "\\v",
        "\\": "\\\\",
        '"': '\\"',
        **{chr(c): "\ufffd" for c in range(0xDC80, 0xDD00)},
    }
)


def _out_of_range(position: int) -> EvalError:
    return EvalError("index_out_of_bounds", f"index out of range: {position}")


def _starts_with(text: str, prefix: str) -> bool:
    return text.startswith(prefix)


def _ends_with(text: str, suffix: str) -> bool:
    return text.endswith(suffix)


def _contains(text: str, part: str) -> bool:
    return part in text


def _char_at(text: str, at: int) -> str:
    if 0 <= at < len(text):
        return text[at]
    if at == len(text):
        return ""
    raise _out_of_range(at)


def _index_of(text: str, part: str) -> int:
    return text.find(part)


def _index_of_from(text: str, part: str, start: int) -> int:
    if not 0 <= start <= len(text):
        raise _out_of_range(start)
    return text.find(part, start)


def _last_index_of(text: str, part: str) -> int:
    return text.rfind(part)


def _last_index_of_from(text: str, part: str, start: int) -> int:
    if not 0 <= start <= len(text):
        raise _out_of_range(start)
    return text.rfind(part, 0, start + len(part))


def _replace(text: str, old: str, new: str) -> str:
    return _replace_some(text, old, new, -1)


def _replace_some(text: str, old: str, new: str, limit: int) -> str:
    growth = len(new) - len(old)
    if growth > 0 and len(text) + growth * (text.count(old) if limit < 0 else limit) > TEXT_LIMIT:
        hits = text.count(old)
        if len(text) + growth * (hits if limit < 0 else min(hits, limit)) > TEXT_LIMIT:
            text_limit_passed()
    return text.replace(old, new, max(limit, -1))


def _split_text(text: str, separator: str, limit: int) -> list[str]:
    """Split as Go does: by an empty separator into characters, at `limit` separators at most."""
    if not separator:
        if len(text) > ITEMS_LIMIT and (limit < 0 or limit >= ITEMS_LIMIT):
            items_limit_passed()
        if limit < 0 or limit + 1 >= len(text):
            return list(text)
        return [*text[:limit], text[limit:]]
    if text.count(separator) >= ITEMS_LIMIT and (limit < 0 or limit >= ITEMS_LIMIT):
        items_limit_passed()
    return text.split(separator, max(limit, -1))


def _split(text: str, separator: str) -> list[str]:
    return _split_text(text, separator, -1)


def _split_keeping(text: str, separator: str, limit: int) -> list[str]:
    return [] if limit == 0 else _split_text(text, separator, limit - 1 if limit > 0 else -1)


def _split_dropping(text: str, separator: str, limit: int) -> list[str]:
    if limit == 0:
        return []
    return _split_text(text, separator, limit)[:limit] if limit > 0 else _split_text(text, separator, -1)


def _split_spaces(text: str) -> list[str]:
    found: list[str] = []
    begin = -1
    for at, character in enumerate(text):
        if character in _SPACE:
            if begin >= 0:
                found.append(text[begin:at])
                begin = -1
        elif begin < 0:
            begin = at
    if begin >= 0:
        found.append(text[begin:])
    if len(found) > ITEMS_LIMIT:
        items_limit_passed()
    return found


def _substring(text: str, start: int) -> str:
    if not 0 <= start <= len(text):
        raise _out_of_range(start)
    return text[start:]


def _substring_to(text: str, start: int, end: int) -> str:
    if not 0 <= start <= len(text):
        raise _out_of_range(start)
    if not 0 <= end <= len(text):
        raise _out_of_range(end)
    if start > end:
        raise EvalError("invalid_argument", f"invalid substring range. start: {start}, end: {end}")
    return text[start:end]


def _trim(text: str) -> str:
    return text.strip(_SPACE)


def _reverse(text: str) -> str:
    return text[::-1]


def _lower_ascii(text: str) -> str:
    return text.lower() if text.isascii() else text.translate(_LOWER)


def _upper_ascii(text: str) -> str:
    return text.upper() if text.isascii() else text.translate(_UPPER)


def _lower(text: str) -> str:
    # Simple case mapping, one code point to one, as Go's: the dotted capital I becomes `i` alone.
    if text.isascii():
        return text.lower()
    return "".join("i" if c == "\u0130" else c.lower() for c in text)


def _upper(text: str) -> str:
    # A letter whose upper case is several, such as sharp s, stays as it is in simple case mapping.
    if text.isascii():
        return text.upper()
    return "".join(u if len(u := c.upper()) == 1 else _upper_alone(c) for c in text)


def _upper_alone(character: str) -> str:
    title = character.title()
    return title if len(title) == 1 else character


def _join(items: Any) -> str:
    return _join_with(items, "")


def _join_with(items: Any, separator: str) -> str:
    if any(type(item) is not str for item in items):
        raise EvalError("no_such_overload", "no such overload: join takes a list of strings")
    if sum(map(len, items)) + len(separator) * len(items) > TEXT_LIMIT + len(separator):
        text_limit_passed()
    return separator.join(items)


def _quote(text: str) -> str:
    return str(bounded_text(f'"{text.translate(_QUOTED)}"'))


# How large results are, and what calls cost that take more than a price for each character.


def _counted(value: Extent) -> Extent:
    return number(0, int(value.length.most))


def _position(text: Extent, *_: Extent) -> Extent:
    return number(-1, int(text.characters.most))


def _of_matching(text: Extent, pattern: Extent) -> Amount:
    """A pattern that is not known before has to be compiled, which Unicode classes make dear."""
    known = min(pattern.characters.most, PATTERN_LIMIT)
    return Amount(600 + 7000 * known) + text.characters * (0.4 + known)


def _replaced(subject: Extent, old: Extent, new: Extent, limit: Extent | None = None) -> Extent:
    """An empty text stands before each character and at the end."""
    most = subject.characters + (subject.characters + 1) * new.characters.most
    if limit is not None and limit.low >= 0:
        most = smaller(most, subject.characters + new.characters * limit.high)
    return text(most)


def _of_replacing(subject: Extent, old: Extent, new: Extent, limit: Extent | None = None) -> Amount:
    made = _replaced(subject, old, new, limit)
    return Amount(16) + subject.characters * 0.8 + made.characters * 0.02


def _parts(subject: Extent, _separator: Extent | None = None, limit: Extent | None = None) -> Extent:
    count = subject.characters + 1
    if limit is not None and limit.low >= 0:
        count = smaller(count, Amount(limit.high + 1))
    return listing(count, subject.characters)


def _cut(subject: Extent, start: Extent, end: Extent | None = None) -> Extent:
    if end is None:
        return text(subject.characters)
    return text(smaller(subject.characters, Amount(max(0, end.high - max(0, start.low)))))


def _glued(items: Extent, separator: Extent | None = None) -> Extent:
    between = 0.0 if separator is None else separator.characters.most
    return text(items.characters + items.length * between)


FUNCTIONS = (
    Function(
        "size",
        "The number of characters of a text, octets of bytes, items of a list, or entries of a map.",
        tuple(
            Overload(
                f"size_{name}{'_method' if method else ''}",
                (t,),
                INT,
                len,
                method=method,
                inline="len({0})",
                cost=price(2.5),
                size=_counted,
            )
            for method in (False, True)
            for name, t in (
                ("string", STRING),
                ("bytes", BYTES),
                ("list", list_of(_T)),
                ("map", map_of(param("K"), param("V"))),
            )
        ),
        (("size('naïve')", "5"), ("'abc'.size()", "3"), ("[1, 2].size()", "2"), ("size({})", "0")),
    ),
    Function(
        "startsWith",
        "Whether the text begins with the other.",
        (
            Overload(
                "starts_with_string",
                (STRING, STRING),
                BOOL,
                _starts_with,
                True,
                inline="{0}.startswith({1})",
                cost=price(3, 0, 0.005),
            ),
        ),
        (("'/api/v1'.startsWith('/api/')", "true"),),
    ),
    Function(
        "endsWith",
        "Whether the text ends with the other.",
        (
            Overload(
                "ends_with_string",
                (STRING, STRING),
                BOOL,
                _ends_with,
                True,
                inline="{0}.endswith({1})",
                cost=price(3, 0, 0.005),
            ),
        ),
        (("'a.png'.endsWith('.png')", "true"),),
    ),
    Function(
        "contains",
        "Whether the other text stands somewhere in this one.",
        (
            Overload(
                "contains_string",
                (STRING, STRING),
                BOOL,
                _contains,
                True,
                inline="({1} in {0})",
                cost=price(3, 0.3),
            ),
        ),
        (("'hello'.contains('ell')", "true"),),
    ),
    Function(
        "matches",
        "Whether the regular expression (RE2) is found anywhere in the text.",
        (
            Overload("matches", (STRING, STRING), BOOL, matches, cost=_of_matching),
            Overload("matches_string", (STRING, STRING), BOOL, matches, True, cost=_of_matching),
        ),
        (("'foobar'.matches('^foo.*r$')", "true"), ("matches('a1', '[0-9]')", "true")),
    ),
    Function(
        "charAt",
        "The character at the position, or an empty text at the very end.",
        (
            Overload(
                "string_char_at_int",
                (STRING, INT),
                STRING,
                _char_at,
                True,
                cost=price(12),
                size=characters(1),
            ),
        ),
        (("'hello'.charAt(4)", "'o'"), ("'hello'.charAt(5)", "''")),
    ),
    Function(
        "indexOf",
        "Where the other text first stands, from a position on; -1 where it does not.",
        (
            Overload(
                "string_index_of_string",
                (STRING, STRING),
                INT,
                _index_of,
                True,
                inline="{0}.find({1})",
                cost=price(5, 0.4),
                size=_position,
            ),
            Overload(
                "string_index_of_string_int",
                (STRING, STRING, INT),
                INT,
                _index_of_from,
                True,
                cost=price(14, 0.4),
                size=_position,
            ),
        ),
        (("'hello mellow'.indexOf('ello')", "1"), ("'hello mellow'.indexOf('ello', 2)", "7")),
    ),
    Function(
        "lastIndexOf",
        "Where the other text last stands, beginning at the position at most; -1 where it does not.",
        (
            Overload(
                "string_last_index_of_string",
                (STRING, STRING),
                INT,
                _last_index_of,
                True,
                inline="{0}.rfind({1})",
                cost=price(5, 0.4),
                size=_position,
            ),
            Overload(
                "string_last_index_of_string_int",
                (STRING, STRING, INT),
                INT,
                _last_index_of_from,
                True,
                cost=price(14, 0.4),
                size=_position,
            ),
        ),
        (("'hello mellow'.lastIndexOf('ello')", "7"), ("'hello mellow'.lastIndexOf('ello', 6)", "1")),
    ),
    Function(
        "replace",
        "The text with another in place of each occurrence, or of the first few (a negative number: of all).",
        (
            Overload(
                "string_replace_string_string",
                (STRING, STRING, STRING),
                STRING,
                _replace,
                True,
                cost=_of_replacing,
                size=_replaced,
            ),
            Overload(
                "string_replace_string_string_int",
                (STRING, STRING, STRING, INT),
                STRING,
                _replace_some,
                True,
                cost=_of_replacing,
                size=_replaced,
            ),
        ),
        (("'hello hello'.replace('he', 'we')", "'wello wello'"), ("'aaa'.replace('a', 'b', 1)", "'baa'")),
    ),
    Function(
        "split",
        "The parts of the text between separators. In a policy a limit keeps that many parts and drops the "
        "rest, and without a separator the text splits at white space.",
        (
            Overload(
                "string_split_string",
                (STRING, STRING),
                _STRINGS,
                _split,
                True,
                cost=price(10, 0.4),
                size=_parts,
            ),
            Overload(
                "string_split_string_int",
                (STRING, STRING, INT),
                _STRINGS,
                _split_keeping,
                True,
                dialect=Dialect.CEL,
                cost=price(18, 0.4),
                size=_parts,
            ),
            Overload(
                "string_split_string_first",
                (STRING, STRING, INT),
                _STRINGS,
                _split_dropping,
                True,
                dialect=Dialect.TRAFFIC,
                cost=price(18, 0.4),
                size=_parts,
            ),
            Overload(
                "string_split",
                (STRING,),
                _STRINGS,
                _split_spaces,
                True,
                dialect=Dialect.TRAFFIC,
                cost=price(16, 7),
                size=_parts,
            ),
        ),
        (("'a,b,c'.split(',')", "['a', 'b', 'c']"), ("'a,b,c'.split(',', 0)", "[]")),
    ),
    Function(
        "substring",
        "The text from a position on, up to another one.",
        (
            Overload(
                "string_substring_int",
                (STRING, INT),
                STRING,
                _substring,
                True,
                cost=price(12, 0.01),
                size=_cut,
            ),
            Overload(
                "string_substring_int_int",
                (STRING, INT, INT),
                STRING,
                _substring_to,
                True,
                cost=price(14, 0.01),
                size=_cut,
            ),
        ),
        (("'tacocat'.substring(4)", "'cat'"), ("'tacocat'.substring(0, 4)", "'taco'")),
    ),
    Function(
        "trim",
        "The text without white space (Unicode's) at its ends.",
        (Overload("string_trim", (STRING,), STRING, _trim, True, cost=price(6, 0.6), size=same()),),
        (("'  a b\\n'.trim()", "'a b'"),),
    ),
    Function(
        "reverse",
        "The text, or the list, back to front.",
        (
            Overload(
                "string_reverse",
                (STRING,),
                STRING,
                _reverse,
                True,
                inline="{0}[::-1]",
                cost=price(6, 0.04),
                size=same(),
            ),
            Overload(
                "list_reverse",
                (list_of(_T),),
                list_of(_T),
                _reverse,
                True,
                inline="{0}[::-1]",
                cost=price(6, values=0.3),
                size=same(),
            ),
        ),
        (("'abc'.reverse()", "'cba'"), ("[1, 2].reverse()", "[2, 1]")),
    ),
    Function(
        "lowerAscii",
        "The text with its ASCII letters in lower case.",
        (
            Overload(
                "string_lower_ascii", (STRING,), STRING, _lower_ascii, True, cost=price(8, 5), size=same()
            ),
        ),
        (("'TacoCÆt'.lowerAscii()", "'tacocÆt'"),),
    ),
    Function(
        "upperAscii",
        "The text with its ASCII letters in upper case.",
        (
            Overload(
                "string_upper_ascii", (STRING,), STRING, _upper_ascii, True, cost=price(8, 5), size=same()
            ),
        ),
        (("'tacoCæt'.upperAscii()", "'TACOCæT'"),),
    ),
    Function(
        "lower",
        "The text in lower case, letter by letter.",
        (
            Overload(
                "string_lower",
                (STRING,),
                STRING,
                _lower,
                True,
                dialect=Dialect.TRAFFIC,
                cost=price(8, 7),
                size=same(),
            ),
        ),
        (("'ÄB'.lower()", "'äb'"),),
    ),
    Function(
        "upper",
        "The text in upper case, letter by letter.",
        (
            Overload(
                "string_upper",
                (STRING,),
                STRING,
                _upper,
                True,
                dialect=Dialect.TRAFFIC,
                cost=price(8, 8),
                size=same(),
            ),
        ),
        (("'äb'.upper()", "'ÄB'"), ("'ß'.upper()", "'ß'")),
    ),
    Function(
        "join",
        "The texts of a list one after the other, with a separator between them.",
        (
            Overload(
                "list_join", (_STRINGS,), STRING, _join, True, cost=price(20, 0.02, values=5.5), size=_glued
            ),
            Overload(
                "list_join_string",
                (_STRINGS, STRING),
                STRING,
                _join_with,
                True,
                cost=price(20, 0.02, values=5.5),
                size=_glued,
            ),
        ),
        (("['a', 'b'].join()", "'ab'"), ("['a', 'b'].join(', ')", "'a, b'")),
    ),
    Function(
        "strings.quote",
        "The text in double quotes, with escapes for what needs them.",
        (Overload("strings_quote", (STRING,), STRING, _quote, cost=price(20, 3), size=characters(2, 2)),),
        (("strings.quote('a\"b')", '\'"a\\\\"b"\''),),
    ),
)
