"""Base64 and JSON (spec/variables.md §9.3, §9.9; cel-go's encoders library).

ngrok refuses base64 without its padding, the CEL library accepts it: `base64.decode` has one body per
dialect.
"""

from __future__ import annotations

import binascii
from functools import cache
from typing import TYPE_CHECKING, Any

from policyc.engine.cel.coerce import bytes_to_text, to_json
from policyc.engine.cel.limits import DEPTH_LIMIT, TEXT_LIMIT, text_limit_passed
from policyc.engine.function import Dialect, Function, Overload
from policyc.engine.types import BOOL, BYTES, DYN, STRING, list_of, map_of, param
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

    return JSONDecoder(parse_constant=_constant, parse_int=_integer, parse_float=_double)


def _constant(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity, which JSON does not have


def _parse_json(text: str) -> Any:
    try:
        value = _decoder().decode(text)
    except (ValueError, RecursionError):
        raise EvalError("invalid_argument", f"`{text[:64]}` is not JSON") from None
    return _cleaned(value, 0)


def _integer(digits: str) -> int | float:
    value = int(digits) if len(digits) < 32 else float(digits)
    return value if INT_MIN <= value <= INT_MAX and type(value) is int else _double(digits)


def _double(digits: str) -> int | float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise ValueError(digits)
    if value.is_integer() and INT_MIN <= value <= INT_MAX - 1023:
        return int(value)
    return value


def _cleaned(value: Any, depth: int) -> Any:
    """Return the value with U+FFFD for half surrogate pairs (as Go does); raises where it nests too deep."""
    if depth > DEPTH_LIMIT:
        raise EvalError("too_large", f"JSON is nested deeper than {DEPTH_LIMIT} levels")
    if type(value) is str:
        try:
            value.encode()
        except UnicodeEncodeError:
            return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in value)
        return value
    if type(value) is list:
        return [_cleaned(item, depth + 1) for item in value]
    if type(value) is dict:
        return {_cleaned(key, 0): _cleaned(item, depth + 1) for key, item in value.items()}
    return value


def _is_json(text: str) -> bool:
    try:
        _parse_json(text)
    except EvalError:
        return False
    return True


_ANY_LIST = list_of(param("T"))
_ANY_MAP = map_of(param("K"), param("V"))

FUNCTIONS = (
    Function(
        "base64.encode",
        "The octets as base64 text, with padding.",
        (Overload("base64_encode_bytes", (BYTES,), STRING, _encode),),
        (("base64.encode(b'hello')", "'aGVsbG8='"),),
    ),
    Function(
        "base64.decode",
        "The octets that base64 text stands for. In a policy the padding must be there.",
        (
            Overload("base64_decode_string", (STRING,), BYTES, _decode_unpadded, dialect=Dialect.CEL),
            Overload("base64_decode_padded", (STRING,), BYTES, _decode, dialect=_TRAFFIC),
        ),
        (("base64.decode('aGVsbG8=')", "b'hello'"),),
    ),
    Function(
        "encodeBase64",
        "The text as base64, with padding.",
        (Overload("string_encode_base64", (STRING,), STRING, _encode_text, True, dialect=_TRAFFIC),),
        (("'hello'.encodeBase64()", "'aGVsbG8='"),),
    ),
    Function(
        "decodeBase64",
        "The text that base64 stands for.",
        (Overload("string_decode_base64", (STRING,), STRING, _decode_to_text, True, dialect=_TRAFFIC),),
        (("'aGVsbG8='.decodeBase64()", "'hello'"),),
    ),
    Function(
        "b64.encode",
        "The text as base64.",
        (Overload("b64_encode_string", (STRING,), STRING, _encode_text, dialect=_TRAFFIC),),
        (("b64.encode('hello')", "'aGVsbG8='"),),
        replaced_by="encodeBase64",
    ),
    Function(
        "b64.decode",
        "The text that base64 stands for.",
        (Overload("b64_decode_string", (STRING,), STRING, _decode_to_text, dialect=_TRAFFIC),),
        (("b64.decode('aGVsbG8=')", "'hello'"),),
        replaced_by="decodeBase64",
    ),
    Function(
        "basic_auth.encode",
        "The value of an Authorization header for a user and a password.",
        (Overload("basic_auth_encode", (STRING, STRING), STRING, _basic, dialect=_TRAFFIC),),
        (("basic_auth.encode('user', 'pass')", "'Basic dXNlcjpwYXNz'"),),
    ),
    Function(
        "json.decode",
        "The value that JSON text says. Whole numbers within 64 bits become int.",
        (Overload("json_decode_string", (STRING,), DYN, _parse_json, dialect=_TRAFFIC),),
        (("json.decode('{\"a\": [1, 2.5]}') == {'a': [dyn(1), 2.5]}", "true"), ("json.decode('[]')", "[]")),
    ),
    Function(
        "decodeJson",
        "The value that JSON text says.",
        (Overload("string_decode_json", (STRING,), DYN, _parse_json, True, dialect=_TRAFFIC),),
        (("'{\"a\": true}'.decodeJson()", "{'a': true}"),),
    ),
    Function(
        "json.encode",
        "The list or map as compact JSON, keys in order.",
        (
            Overload("json_encode_list", (_ANY_LIST,), STRING, to_json, dialect=_TRAFFIC),
            Overload("json_encode_map", (_ANY_MAP,), STRING, to_json, dialect=_TRAFFIC),
        ),
        (("json.encode({'b': 1, 'a': [true]})", '\'{"a":[true],"b":1}\''),),
    ),
    Function(
        "encodeJson",
        "The list or map as compact JSON, keys in order.",
        (
            Overload("list_encode_json", (_ANY_LIST,), STRING, to_json, True, dialect=_TRAFFIC),
            Overload("map_encode_json", (_ANY_MAP,), STRING, to_json, True, dialect=_TRAFFIC),
        ),
        (("[1, 'a'].encodeJson()", "'[1,\"a\"]'"),),
    ),
    Function(
        "isJson",
        "Whether the text is JSON.",
        (
            Overload("string_is_json", (STRING,), BOOL, _is_json, True, dialect=_TRAFFIC),
            Overload(
                "is_json_string", (STRING,), BOOL, _is_json, dialect=_TRAFFIC, replaced_by="text.isJson()"
            ),
        ),
        (("'{}'.isJson()", "true"), ("'{'.isJson()", "false")),
    ),
)
