"""URLs and query strings as texts (spec/variables.md §9.3, §9.9)."""

from __future__ import annotations

from policyc.engine.cel import web_text
from policyc.engine.cel.extent import Amount, Extent, anything, listing, text
from policyc.engine.cel.prices import characters, price, same
from policyc.engine.function import Dialect, Function, Overload
from policyc.engine.types import BOOL, STRING, URL_PARTS, map_of, param

_TRAFFIC = Dialect.TRAFFIC
_ANY_MAP = map_of(param("K"), param("V"))
_TEXTS = map_of(STRING, STRING)


def _pairs(query: Extent) -> Extent:
    return listing(query.characters * 0.5 + 1, query.characters)


def _written(parameters: Extent) -> Extent:
    """An octet becomes three characters, a character has four octets at most."""
    return text(parameters.characters * 12 + parameters.values * 50)


def _of_writing(parameters: Extent) -> Amount:
    return Amount(60) + parameters.values * 420 + parameters.characters * 10


def _taken_apart(url: Extent) -> Extent:
    return anything(url.characters * 3, 9)


FUNCTIONS = (
    Function(
        "queryString.decode",
        "The parameters of a query string; of repeated ones the first.",
        (
            Overload(
                "query_string_decode",
                (STRING,),
                _TEXTS,
                web_text.decode_query,
                dialect=_TRAFFIC,
                cost=price(40, 16),
                size=_pairs,
            ),
        ),
        (("queryString.decode('q=hello&page=1')['q']", "'hello'"),),
    ),
    Function(
        "decodeQueryString",
        "The parameters of a query string; of repeated ones the first.",
        (
            Overload(
                "string_decode_query_string",
                (STRING,),
                _TEXTS,
                web_text.decode_query,
                True,
                dialect=_TRAFFIC,
                cost=price(40, 16),
                size=_pairs,
            ),
        ),
        (("'a=b+c'.decodeQueryString()", "{'a': 'b c'}"),),
    ),
    Function(
        "queryString.encode",
        "The map as a query string, keys in order; a list repeats its key.",
        (
            Overload(
                "query_string_encode",
                (_ANY_MAP,),
                STRING,
                web_text.encode_query,
                dialect=_TRAFFIC,
                cost=_of_writing,
                size=_written,
            ),
        ),
        (("queryString.encode({'c': 'd', 'a': 'b'})", "'a=b&c=d'"),),
    ),
    Function(
        "encodeQueryString",
        "The map as a query string, keys in order; a list repeats its key.",
        (
            Overload(
                "map_encode_query",
                (_ANY_MAP,),
                STRING,
                web_text.encode_query,
                True,
                dialect=_TRAFFIC,
                cost=_of_writing,
                size=_written,
            ),
        ),
        (("{'a': ['x', 'y z']}.encodeQueryString()", "'a=x&a=y+z'"),),
    ),
    Function(
        "isQueryString",
        "Whether the text reads as `key=value` pairs.",
        (
            Overload(
                "string_is_query_string",
                (STRING,),
                BOOL,
                web_text.is_query,
                True,
                dialect=_TRAFFIC,
                cost=price(40, 18),
            ),
            Overload(
                "is_query_string",
                (STRING,),
                BOOL,
                web_text.is_query,
                dialect=_TRAFFIC,
                replaced_by="text.isQueryString()",
                cost=price(40, 18),
            ),
        ),
        (("'a=1&b=2'.isQueryString()", "true"), ("'hello'.isQueryString()", "false")),
    ),
    Function(
        "url.parse",
        "The parts of a URL: `scheme`, `host`, `hostname`, `port`, `path`, `raw_path`, `query`, `fragment`, "
        "`user`.",
        (
            Overload(
                "url_parse_string",
                (STRING,),
                URL_PARTS,
                web_text.parse_url,
                dialect=_TRAFFIC,
                cost=price(120, 6),
                size=_taken_apart,
            ),
        ),
        (("url.parse('https://example.com:8080/a?b=c').host", "'example.com:8080'"),),
    ),
    Function(
        "parseUrl",
        "The parts of a URL, as `url.parse` gives them.",
        (
            Overload(
                "string_parse_url",
                (STRING,),
                URL_PARTS,
                web_text.parse_url,
                True,
                dialect=_TRAFFIC,
                cost=price(120, 6),
                size=_taken_apart,
            ),
        ),
        (("'https://example.com/a%20b'.parseUrl().path", "'/a b'"),),
    ),
    Function(
        "url.escape",
        "The text as it may stand in a segment of a path.",
        (
            Overload(
                "url_escape_string",
                (STRING,),
                STRING,
                web_text.escape,
                dialect=_TRAFFIC,
                cost=price(80, 8),
                size=characters(0, 12),
            ),
        ),
        (("url.escape('i;md/r/$y')", "'i%3Bmd%2Fr%2F%24y'"),),
    ),
    Function(
        "escapeUrl",
        "The text as it may stand in a segment of a path.",
        (
            Overload(
                "string_escape_url",
                (STRING,),
                STRING,
                web_text.escape,
                True,
                dialect=_TRAFFIC,
                cost=price(80, 8),
                size=characters(0, 12),
            ),
        ),
        (("'a b'.escapeUrl()", "'a%20b'"),),
    ),
    Function(
        "url.unescape",
        "The text with its percent escapes decoded.",
        (
            Overload(
                "url_unescape_string",
                (STRING,),
                STRING,
                web_text.unescape,
                dialect=_TRAFFIC,
                cost=price(20, 13),
                size=same(),
            ),
        ),
        (("url.unescape('a%20b')", "'a b'"),),
    ),
    Function(
        "unescapeUrl",
        "The text with its percent escapes decoded.",
        (
            Overload(
                "string_unescape_url",
                (STRING,),
                STRING,
                web_text.unescape,
                True,
                dialect=_TRAFFIC,
                cost=price(20, 13),
                size=same(),
            ),
        ),
        (("'i%3Bmd'.unescapeUrl()", "'i;md'"),),
    ),
    Function(
        "isURL",
        "Whether the text is an absolute URL.",
        (
            Overload(
                "string_is_url", (STRING,), BOOL, web_text.is_url, True, dialect=_TRAFFIC, cost=price(40, 18)
            ),
        ),
        (("'https://example.com/'.isURL()", "true"), ("'example'.isURL()", "false")),
    ),
    Function(
        "isUrl",
        "Whether the text is an absolute URL.",
        (Overload("is_url_string", (STRING,), BOOL, web_text.is_url, dialect=_TRAFFIC, cost=price(40, 18)),),
        (("isUrl('https://example.com/')", "true"),),
        replaced_by="isURL",
    ),
)
