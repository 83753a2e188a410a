"""CEL's static types, and the records that policyc's variables and results are made of.

`DYN` fits everything and is used only where data is really dynamic (JSON, `vars`). A record is nominal: its
fields are known, selecting another one is a check-time error. A record with `is_text` is a "string with
fields" (spec/variables.md §1): as a value it is a string, and only field selection sees the fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from policyc.grammar.frozen import Frozen

_NO_FIELDS: Mapping[str, Field] = MappingProxyType({})


class Type(Frozen):
    """A type by name and parameters: `list(string)` is Type("list", (STRING,))."""

    name: str
    params: tuple[Type, ...] = ()

    def __str__(self) -> str:
        if self.name == "param":
            return self.params[0].name
        return f"{self.name}({', '.join(map(str, self.params))})" if self.params else self.name


class Field(Frozen):
    """A field of a record: its type and what it holds.

    `absent_when_zero`: `has()` on it is false while it holds its zero value.
    """

    type: Type
    doc: str = ""
    absent_when_zero: bool = False


class Record(Type, apart=("fields",)):
    """A record type; at run time a dict that has every field (or, with `is_text`, a str: see variables.py).

    `partial`: a field may be missing at run time (selecting it is then "no such key").
    """

    fields: Mapping[str, Field] = _NO_FIELDS
    is_text: bool = False
    partial: bool = False


NULL = Type("null_type")
BOOL = Type("bool")
INT = Type("int")
UINT = Type("uint")
DOUBLE = Type("double")
STRING = Type("string")
BYTES = Type("bytes")
TIMESTAMP = Type("timestamp")
DURATION = Type("duration")
IP = Type("net.IP")
CIDR = Type("net.CIDR")
DYN = Type("dyn")
ERROR = Type("error")  # of what has been reported already: fits everything, says nothing more

# A map(string, list(string)) whose keys are lower-case and whose look-ups ignore case (spec/variables.md §4).
HEADERS = Type("headers")


def list_of(item: Type) -> Type:
    """Return list(item)."""
    return Type("list", (item,))


def map_of(key: Type, value: Type) -> Type:
    """Return map(key, value)."""
    return Type("map", (key, value))


def optional_of(value: Type) -> Type:
    """Return optional_type(value)."""
    return Type("optional_type", (value,))


def type_of(value: Type) -> Type:
    """Return type(value), the type of a type."""
    return Type("type", (value,))


def param(name: str) -> Type:
    """Return a type parameter, for generic overloads."""
    return Type("param", (Type(name),))


ERROR_RECORD = Record(
    "failure",
    (),
    {
        "code": Field(STRING, "ERR_NGROK number as text, empty if nothing failed"),
        "message": Field(STRING, "what failed, empty if nothing did"),
    },
)

# spec/variables.md §5; a request's cookie has only a name and a value, the rest is zero (§9.1), `expires`
# missing.
COOKIE = Record(
    "cookie",
    (),
    {
        "name": Field(STRING, "name"),
        "value": Field(STRING, "value"),
        "domain": Field(STRING, "Domain attribute", absent_when_zero=True),
        "path": Field(STRING, "Path attribute", absent_when_zero=True),
        "same_site": Field(STRING, "SameSite attribute", absent_when_zero=True),
        "expires": Field(TIMESTAMP, "Expires attribute; missing where there is none"),
        "max_age": Field(DURATION, "Max-Age attribute, zero where there is none", absent_when_zero=True),
        "http_only": Field(BOOL, "whether HttpOnly is set"),
        "secure": Field(BOOL, "whether Secure is set"),
        "unparsed_attributes": Field(map_of(STRING, STRING), "attributes that no standard names"),
    },
    partial=True,
)

# What `url.parse` makes, as Go's net/url names its parts (spec/variables.md §9.3).
URL_PARTS = Record(
    "url",
    (),
    {
        "scheme": Field(STRING, "scheme, lower case"),
        "host": Field(STRING, "host with its port, as written"),
        "hostname": Field(STRING, "host without port and brackets"),
        "port": Field(STRING, "port as text, empty if there is none"),
        "path": Field(STRING, "path, decoded"),
        "raw_path": Field(STRING, "path as written"),
        "query": Field(STRING, "query as written, without `?`"),
        "fragment": Field(STRING, "fragment, decoded"),
        "user": Field(STRING, "user information as written"),
    },
)
