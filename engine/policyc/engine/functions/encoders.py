"""Base64 and JSON (spec/variables.md §9.3, §9.9; cel-go's encoders library).

ngrok refuses base64 without its padding, the CEL library accepts it: `base64.decode` has one body per
dialect.
"""

from __future__ import annotations

import binascii
from functools import cache
from typing import TYPE_CHECKING, Any

from policyc.engine.cel.coerce import bytes_to_text, to_json
from policyc.engine.cel.extent import Amount, Extent, anything, text
from policyc.engine.cel.limits import DEPTH_LIMIT, TEXT_LIMIT, text_limit_passed
from policyc.engine.cel.prices import characters, price, same
from policyc.engine.function import Dialect, Function, Overload
from policyc.engine.types import BOOL, BYTES, DYN, HEADERS, STRING, list_of, map_of, param
from policyc.engine.values import INT_MAX, INT_MIN, EvalError

if TYPE_CHECKING:
    import json

_TRAFFIC = Dialect.TRAFFIC


def _encode(value: bytes) -> str:
    if len(value) > TEXT_LIMIT * 3 // 4:
        text_limit_passed()
    return binascii.b2a_base64(value, newline=False).decode("ascii")


def _encode_text(text: str) -> str:
    return _encode(text.encode("utf-8", "surrogateescape"))


def _decode(text: str) -> bytes:
    try:
        return binascii.a2b_base64(text, strict_mode=True) if text else b""
    except ValueError:
        raise EvalError("invalid_argument", f"`{text[:64]}` is not base64") from None


def _decode_unpadded(text: str) -> bytes:
    return _decode(text + "=" * (-len(text) % 4) if "=" not in text else text)


def _decode_to_text(text: str) -> str:
    return bytes_to_text(_decode(text))


def _basic(user: str, password: str) -> str:
    return "Basic " + _encode_text(f"{user}:{password}")


@cache
def _decoder() -> json.JSONDecoder:
    from json import JSONDecoder

    return JSONDecoder(parse_constant=_constant)


def _constant(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity, which JSON does not have


def _parse_json(text: str) -> Any:
    try:
        value = _decoder().decode(text)
        # Half of a pair can only come from an escape, or from octets that are no UTF-8.
        settled = _SETTLED_WITH_TEXTS if text.isascii() and "\\u" not in text else _SETTLED
        return _settle(value, 0, settled)
    except (ValueError, OverflowError, RecursionError):
        raise EvalError("invalid_argument", f"`{text[:64]}` is not JSON") from None


_SETTLED: frozenset[type] = frozenset({bool, type(None)})
_SETTLED_WITH_TEXTS: frozenset[type] = frozenset({bool, type(None), str})
_INTS = {int}
_FLOATS = {float}
_INFINITY = float("inf")


def _settle(value: Any, depth: int, settled: frozenset[type]) -> Any:
    """Return a decoded value as CEL has it; `settled` are the types of values that are right as they are.

    Raises EvalError where it nests too deep, and ValueError or OverflowError for a number that is too large.
    """
    kind = type(value)
    if kind in settled:
        return value
    if kind is int:
        return value if INT_MIN <= value <= INT_MAX else _number(float(value))
    if kind is float:
        return _number(value)
    if kind is str:
        return _clean(value)
    if not value:
        return value
    if depth >= DEPTH_LIMIT:
        raise EvalError("too_large", f"JSON is nested deeper than {DEPTH_LIMIT} levels")
    if kind is dict:
        clean = value if str in settled else {_clean(key): item for key, item in value.items()}
        if settled.issuperset(map(type, value.values())):
            return clean
        return {
            key: item if type(item) in settled else _settle(item, depth + 1, settled)
            for key, item in clean.items()
        }
    kinds = set(map(type, value))
    if kinds == _FLOATS:
        return list(map(_number, value))
    if kinds <= settled or (kinds == _INTS and min(value) >= INT_MIN and max(value) <= INT_MAX):
        return value
    return [item if type(item) in settled else _settle(item, depth + 1, settled) for item in value]


def _number(value: float) -> int | float:
    """Return a number as an int where it is whole and fits, as ngrok reads it."""
    if value.is_integer():
        return int(value) if INT_MIN <= value <= INT_MAX - 1023 else value
    if value == _INFINITY or value == -_INFINITY:
        raise ValueError(value)
    return value


def _clean(text: str) -> str:
    """Return the text with U+FFFD for half surrogate pairs, as Go has it."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)
    return text


def _is_json(text: str) -> bool:
    try:
        _parse_json(text)
    except EvalError:
        return False
    return True


_ANY_LIST = list_of(param("T"))
_ANY_MAP = map_of(param("K"), param("V"))


def _decoded(source: Extent) -> Extent:
    """Two characters make a value at least (`1,`), two values an entry of a map."""
    return anything(source.characters, source.characters * 0.75 + 1)


def _encoded(value: Extent) -> Extent:
    """A control character becomes six, a number may take 25."""
    return text(value.characters * 6 + value.values * 30 + 2)


def _of_encoding(value: Extent) -> Amount:
    return Amount(60) + value.values * 80 + value.characters


def _of_texts(value: Extent) -> Amount:
    """What headers and query parameters are needs no second walk (coerce.to_json)."""
    return Amount(60) + value.values * 15 + value.characters * 0.5


_OF_TEXTS = tuple(((wanted,), _of_texts) for wanted in (map_of(STRING, list_of(STRING)), HEADERS))


FUNCTIONS = (
    Function(
        "base64.encode",
        "The octets as base64 text, with padding.",
        (
            Overload(
                "base64_encode_bytes",
                (BYTES,),
                STRING,
                _encode,
                cost=price(16, 0.15),
                size=characters(4, 1.34),
            ),
        ),
        (("base64.encode(b'hello')", "'aGVsbG8='"),),
    ),
    Function(
        "base64.decode",
        "The octets that base64 text stands for. In a policy the padding must be there.",
        (
            Overload(
                "base64_decode_string",
                (STRING,),
                BYTES,
                _decode_unpadded,
                dialect=Dialect.CEL,
                cost=price(20, 0.25),
                size=same(),
            ),
            Overload(
                "base64_decode_padded",
                (STRING,),
                BYTES,
                _decode,
                dialect=_TRAFFIC,
                cost=price(20, 0.25),
                size=same(),
            ),
        ),
        (("base64.decode('aGVsbG8=')", "b'hello'"),),
    ),
    Function(
        "encodeBase64",
        "The text as base64, with padding.",
        (
            Overload(
                "string_encode_base64",
                (STRING,),
                STRING,
                _encode_text,
                True,
                dialect=_TRAFFIC,
                cost=price(16, 0.2),
                size=characters(4, 1.34),
            ),
        ),
        (("'hello'.encodeBase64()", "'aGVsbG8='"),),
    ),
    Function(
        "decodeBase64",
        "The text that base64 stands for.",
        (
            Overload(
                "string_decode_base64",
                (STRING,),
                STRING,
                _decode_to_text,
                True,
                dialect=_TRAFFIC,
                cost=price(20, 0.3),
                size=same(),
            ),
        ),
        (("'aGVsbG8='.decodeBase64()", "'hello'"),),
    ),
    Function(
        "b64.encode",
        "The text as base64.",
        (
            Overload(
                "b64_encode_string",
                (STRING,),
                STRING,
                _encode_text,
                dialect=_TRAFFIC,
                cost=price(16, 0.2),
                size=characters(4, 1.34),
            ),
        ),
        (("b64.encode('hello')", "'aGVsbG8='"),),
        replaced_by="encodeBase64",
    ),
    Function(
        "b64.decode",
        "The text that base64 stands for.",
        (
            Overload(
                "b64_decode_string",
                (STRING,),
                STRING,
                _decode_to_text,
                dialect=_TRAFFIC,
                cost=price(20, 0.3),
                size=same(),
            ),
        ),
        (("b64.decode('aGVsbG8=')", "'hello'"),),
        replaced_by="decodeBase64",
    ),
    Function(
        "basic_auth.encode",
        "The value of an Authorization header for a user and a password.",
        (
            Overload(
                "basic_auth_encode",
                (STRING, STRING),
                STRING,
                _basic,
                dialect=_TRAFFIC,
                cost=price(30, 0.2, 0.2),
                size=characters(12, 1.34, 1.34),
            ),
        ),
        (("basic_auth.encode('user', 'pass')", "'Basic dXNlcjpwYXNz'"),),
    ),
    Function(
        "json.decode",
        "The value that JSON text says. Whole numbers within 64 bits become int.",
        (
            Overload(
                "json_decode_string",
                (STRING,),
                DYN,
                _parse_json,
                dialect=_TRAFFIC,
                cost=price(60, 12),
                size=_decoded,
            ),
        ),
        (("json.decode('{\"a\": [1, 2.5]}') == {'a': [dyn(1), 2.5]}", "true"), ("json.decode('[]')", "[]")),
    ),
    Function(
        "decodeJson",
        "The value that JSON text says.",
        (
            Overload(
                "string_decode_json",
                (STRING,),
                DYN,
                _parse_json,
                True,
                dialect=_TRAFFIC,
                cost=price(60, 12),
                size=_decoded,
            ),
        ),
        (("'{\"a\": true}'.decodeJson()", "{'a': true}"),),
    ),
    Function(
        "json.encode",
        "The list or map as compact JSON, keys in order.",
        (
            Overload(
                "json_encode_list",
                (_ANY_LIST,),
                STRING,
                to_json,
                dialect=_TRAFFIC,
                cost=_of_encoding,
                size=_encoded,
            ),
            Overload(
                "json_encode_map",
                (_ANY_MAP,),
                STRING,
                to_json,
                dialect=_TRAFFIC,
                cost=_of_encoding,
                size=_encoded,
                costs=_OF_TEXTS,
            ),
        ),
        (("json.encode({'b': 1, 'a': [true]})", '\'{"a":[true],"b":1}\''),),
    ),
    Function(
        "encodeJson",
        "The list or map as compact JSON, keys in order.",
        (
            Overload(
                "list_encode_json",
                (_ANY_LIST,),
                STRING,
                to_json,
                True,
                dialect=_TRAFFIC,
                cost=_of_encoding,
                size=_encoded,
            ),
            Overload(
                "map_encode_json",
                (_ANY_MAP,),
                STRING,
                to_json,
                True,
                dialect=_TRAFFIC,
                cost=_of_encoding,
                size=_encoded,
                costs=_OF_TEXTS,
            ),
        ),
        (("[1, 'a'].encodeJson()", "'[1,\"a\"]'"),),
    ),
    Function(
        "isJson",
        "Whether the text is JSON.",
        (
            Overload("string_is_json", (STRING,), BOOL, _is_json, True, dialect=_TRAFFIC, cost=price(60, 12)),
            Overload(
                "is_json_string",
                (STRING,),
                BOOL,
                _is_json,
                dialect=_TRAFFIC,
                replaced_by="text.isJson()",
                cost=price(60, 12),
            ),
        ),
        (("'{}'.isJson()", "true"), ("'{'.isJson()", "false")),
    ),
)
