"""Every traffic variable, once: its path, type, phases, what it means, and how it is read.

The table is spec/variables.md §2 to §8. Paths that are a string and have fields below them (`req.url`,
`conn.client_ip`, …) are two or more rows: the path decides at compile time which one is read. A path that is
no row but has rows below it (`req.ts`, `conn.tls.client`) is a namespace.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from policyc.engine import cookies, message, request_url
from policyc.engine.phases import Binding, Phase
from policyc.engine.types import (
    BOOL,
    BYTES,
    COOKIE,
    DYN,
    HEADERS,
    INT,
    STRING,
    TIMESTAMP,
    Field,
    Record,
    Type,
    list_of,
    map_of,
)
from policyc.engine.values import INT_MAX
from policyc.grammar.frozen import Frozen

Bound = Literal["word", "line", "target", "head", "engine"]


class Variable(Frozen):
    """A declared path.

    Read as `record.slot`, where record is `conn`, `endpoint`, `req`, `res` or `x` (the exchange itself), and
    slot may be dotted (`headers.map`). If that holds None: with `fill`, `fill(record)` gives the value (and
    stores it, if it may be kept); else the value is absent, and `zero` is what an expression sees; with
    `zero` None too, reading is an error.

    `has()` of it: with `present`, `present(record)`; else with `fill`, true; else whether the slot holds
    something.

    `source` names the data that this installation must provide (`geo`, `categories`, `user_agent`,
    `kubernetes`); None is what every gateway knows. `bindings`: those that ever have a value for it.

    `bound` names what holds its size: the head, the target, one field `line` of a message, a `word` (names,
    addresses), the `engine` (what a policy made itself); `within`: the numbers that an int can be
    (cel/variable_extents.py). `kept`: the filler keeps what it worked out, though not in the slot.
    """

    path: str
    type: Type
    doc: str
    phases: frozenset[Phase]
    record: Literal["conn", "endpoint", "req", "res", "x"]
    slot: str
    fill: Callable[[Any], object] | None = None
    zero: object = None
    source: str | None = None
    present: Callable[[Any], bool] | None = None
    bindings: frozenset[Binding] = frozenset(Binding)
    bound: Bound = "line"
    within: tuple[int, int] = (0, INT_MAX)
    kept: bool = False

    @property
    def may_fail(self) -> bool:
        """Whether reading it can be an error because it is absent."""
        return self.zero is None and self.fill is None and self.type == TIMESTAMP


PORTS = (0, 65535)
ANY_PHASE = frozenset(Phase)
REQUEST_PHASES = frozenset({Phase.HTTP_REQUEST, Phase.HTTP_RESPONSE, Phase.EVENT_STREAM_MESSAGE})
RESPONSE_PHASES = frozenset({Phase.HTTP_RESPONSE, Phase.EVENT_STREAM_MESSAGE})

# spec/variables.md §2.3: an X.509 extension; `value` is its DER.
EXTENSION = Record(
    "extension",
    (),
    {
        "id": Field(STRING, "object identifier, dotted"),
        "critical": Field(BOOL, "whether it is marked critical"),
        "value": Field(BYTES, "DER of the value"),
    },
)

_STRINGS = list_of(STRING)
_ZEROS: Mapping[Type, object] = {STRING: "", INT: 0, BOOL: False}

NEVER_SET = "absent"  # a slot that holds None on every record: what is read has no place of its own


def zero_of(type: Type) -> object:
    """Return what an absent variable of a type reads as; None if reading it is an error (timestamps)."""
    if type in _ZEROS:
        return _ZEROS[type]
    if type.name == "list":
        return []
    if type.name in ("map", "headers"):
        return {}
    return None


class _Table:
    def __init__(self) -> None:
        self.rows: dict[str, Variable] = {}

    def add(
        self,
        path: str,
        type: Type,
        doc: str,
        slot: str = NEVER_SET,
        fill: Callable[[Any], object] | None = None,
        *,
        source: str | None = None,
        present: Callable[[Any], bool] | None = None,
        bindings: frozenset[Binding] = frozenset(Binding),
        record: Literal["conn", "endpoint", "req", "res", "x"] | None = None,
        bound: Bound = "line",
        within: tuple[int, int] = (0, INT_MAX),
        kept: bool = False,
    ) -> None:
        root = path.partition(".")[0]
        if record is None:
            record = root if root in ("conn", "endpoint", "req", "res") else "x"  # type: ignore[assignment]
        assert record is not None
        phases = {"req": REQUEST_PHASES, "res": RESPONSE_PHASES}.get(root, ANY_PHASE)
        zero = None if fill else zero_of(type)
        self.rows[path] = Variable(
            path, type, doc, phases, record, slot, fill, zero, source, present, bindings, bound, within, kept
        )


def _connection(table: _Table) -> None:
    """spec/variables.md §2."""
    add = table.add
    add("conn.bytes_in", INT, "octets that came from the client so far, decrypted", "bytes_in")
    add("conn.bytes_out", INT, "octets that went to the client so far, before encryption", "bytes_out")
    add("conn.client_ip", STRING, "source address of the connection", "client_ip", bound="word")
    add("conn.client_port", INT, "source port", "client_port", within=PORTS)
    add("conn.server_ip", STRING, "address on which the connection was accepted", "server_ip", bound="word")
    add("conn.server_port", INT, "port on which the connection was accepted", "server_port", within=PORTS)
    add(
        "conn.server_region",
        STRING,
        "name of the place that accepted it, as configured",
        "server_region",
        bound="word",
    )
    add("conn.ts.start", TIMESTAMP, "when the connection began", "started")
    for name, doc in (
        ("city", "city of the client's address, English name"),
        ("country", "country of the client's address, English name"),
        ("country_code", "ISO 3166 code of that country"),
        ("latitude", "decimal degrees as text: convert with `double()` before comparing"),
        ("longitude", "decimal degrees as text: convert with `double()` before comparing"),
        ("radius", "accuracy radius in km as text: convert with `double()` before comparing"),
        ("subdivision", "first subdivision of the country, English name"),
    ):
        add(f"conn.geo.{name}", STRING, doc, source="geo", bound="word")
    for address, whose in (("conn.client_ip", "the client's"), ("conn.server_ip", "the server's")):
        _intelligence(table, address, whose)
    _tls(table)
    for name, type, doc in (
        ("id", STRING, "UID of the pod that connected"),
        ("metadata.annotations", map_of(STRING, STRING), "annotations of the pod under `k8s.ngrok.com/`"),
        ("metadata.error_code", STRING, "why the metadata is missing or cut"),
        ("metadata.error_message", STRING, "text for that code"),
        ("metadata.name", STRING, "name of the pod"),
        ("metadata.namespace", STRING, "namespace of the pod"),
    ):
        only = frozenset({Binding.KUBERNETES})
        add(f"conn.k8s.pod.{name}", type, doc, source="kubernetes", bindings=only)


def _intelligence(table: _Table, address: str, whose: str) -> None:
    """spec/variables.md §2.2."""
    add = table.add
    add(f"{address}.categories", _STRINGS, f"categories of {whose} address, each with its parents",
        source="categories", bound="word")  # fmt: skip
    add(f"{address}.is_on_blocklist", BOOL, f"whether {whose} address has a category under `blocklist`",
        source="categories")  # fmt: skip
    add(f"{address}.is_tor_node", BOOL, f"whether {whose} address has the category `proxy.anonymous.tor`",
        source="categories")  # fmt: skip
    add(f"{address}.as.number", INT, f"number of the autonomous system of {whose} address", source="geo")
    add(f"{address}.as.organization", STRING, "name of that autonomous system", source="geo", bound="word")
    for place, what in (("location", "is"), ("registered_location", "is registered")):
        for name, doc in (
            ("city", "city where {} address {}, English name"),
            ("continent", "continent where {} address {}, English name"),
            ("country", "country where {} address {}, English name"),
            ("country_code", "ISO 3166 code of the country where {} address {}"),
            ("is_eu", "whether the country where {} address {} is in the European Union"),
            ("latitude", "latitude where {} address {}, as text"),
            ("longitude", "longitude where {} address {}, as text"),
            ("metro_code", "metro code where {} address {}"),
            ("postal_code", "postal code where {} address {}"),
            ("radius", "accuracy in km of where {} address {}, as text"),
            ("subdivision", "subdivision where {} address {}, English name"),
            ("timezone", "IANA time zone where {} address {}"),
        ):
            if place == "registered_location" and name in ("latitude", "longitude", "postal_code", "radius"):
                continue
            type = BOOL if name == "is_eu" else STRING
            add(f"{address}.geo.{place}.{name}", type, doc.format(whose, what), source="geo")


def _has_tls(conn: Any) -> bool:
    return conn.tls is not None


_Readers = tuple[Callable[[Any], object], Callable[[Any], bool]]


def _tls_text(name: str) -> _Readers:
    def fill(conn: Any) -> object:
        return "" if conn.tls is None else getattr(conn.tls, name)

    def present(conn: Any) -> bool:
        return conn.tls is not None and bool(getattr(conn.tls, name))

    return fill, present


def _of_certificate(side: str, path: str, zero: object) -> _Readers:
    """Return what fills a field of a certificate, and what tells whether it is there."""

    def fill(conn: Any) -> object:
        certificate = None if conn.tls is None else getattr(conn.tls, side)
        return zero if certificate is None else certificate.fields.get(path, zero)

    def present(conn: Any) -> bool:
        return bool(fill(conn))

    return fill, present


# Where a distinguished name has its parts (spec/variables.md §2.3).
_DN = (
    ("common_name", STRING, "common name"),
    ("country", _STRINGS, "countries"),
    ("locality", _STRINGS, "localities"),
    ("organization", _STRINGS, "organizations"),
    ("organizational_unit", _STRINGS, "organizational units"),
    ("postal_code", _STRINGS, "postal codes"),
    ("province", _STRINGS, "provinces"),
    ("street_address", _STRINGS, "street addresses"),
)
_SAN = (
    ("dns_names", "DNS names"),
    ("email_addresses", "email addresses"),
    ("ip_addresses", "IP addresses"),
    ("uris", "URIs"),
)


def certificate_fields(side: str) -> list[tuple[str, Type, str]]:
    """Return (path below `conn.tls.<side>`, type, doc) of a certificate's fields; client or server."""
    fields: list[tuple[str, Type, str]] = [
        ("extensions", list_of(EXTENSION), "extensions"),
    ]
    for name in ("issuer", "subject"):
        fields.append((name, STRING, f"distinguished name of the {name}"))
        fields += [(f"{name}.{part}", type, f"{doc} of the {name}") for part, type, doc in _DN]
    if side == "client":
        fields.append(("pem", STRING, "the whole certificate as PEM"))
    fields.append(("san", STRING, "subject alternative names as one text"))
    fields += [(f"san.{part}", _STRINGS, f"{doc} among the alternative names") for part, doc in _SAN]
    fields += [
        ("serial_number", STRING, "serial number, lower-case hex"),
        ("signature_algorithm", STRING, "signature algorithm, such as `SHA256-RSA`"),
        ("validity.not_after", TIMESTAMP, "last moment of validity"),
        ("validity.not_before", TIMESTAMP, "first moment of validity"),
    ]
    return fields


SESSION_FIELDS: tuple[tuple[str, str, str], ...] = (
    ("cipher_suite", "cipher_suite", "negotiated cipher suite, IANA name"),
    ("ja4_fingerprint", "ja4", "JA4 fingerprint of the ClientHello"),
    ("negotiated_alpn", "alpn", "negotiated ALPN protocol, empty if none"),
    ("sni", "sni", "server name in the ClientHello"),
    ("version", "version", "negotiated TLS version: `1.2`, `1.3`"),
)


def _tls(table: _Table) -> None:
    """spec/variables.md §2.3."""
    for name, attribute, doc in SESSION_FIELDS:
        fill, present = _tls_text(attribute)
        table.add(f"conn.tls.{name}", STRING, doc, fill=fill, present=present)
    table.add("conn.tls.session_resumed", BOOL, "whether the session was resumed; always false",
              fill=lambda conn: False, present=_has_tls)  # fmt: skip
    for side, whose in (("client", "the client's certificate"), ("server", "the gateway's certificate")):
        for name, type, doc in certificate_fields(side):
            path, doc = f"conn.tls.{side}.{name}", f"{doc} ({whose})"
            if type == TIMESTAMP:  # a moment has no zero: without a certificate, reading it is an error
                table.add(path, type, doc, f"{side}_{name.removeprefix('validity.')}")
            else:
                fill, present = _of_certificate(side, name, zero_of(type))
                table.add(path, type, doc, fill=fill, present=present)


def _endpoint(table: _Table) -> None:
    """spec/variables.md §3, §6."""
    add = table.add
    add("endpoint.addr", STRING, "`host:port` of the endpoint whose policy runs", "addr", bound="word")
    add(
        "endpoint.host",
        STRING,
        "host of the endpoint; a wildcard endpoint's is its pattern",
        "host",
        bound="word",
    )
    add("endpoint.id", STRING, "identifier of the endpoint", "id", bound="word")
    add("endpoint.port", INT, "port of the endpoint", "port", within=PORTS)
    add("endpoint.protocol", STRING, "`http`, `https`, `tcp` or `tls`", "protocol", bound="word")
    add("endpoint.url", STRING, "URL of the endpoint, without the default port", "url", bound="word")
    add("time.now", STRING, "current time in UTC as RFC 3339 text, one reading per phase run", "now",
        message.fill_now, bound="word")  # fmt: skip


def _request(table: _Table) -> None:
    """spec/variables.md §4."""
    add = table.add
    add("req.content_encoding", _STRINGS, "codings of `Content-Encoding`", fill=message.content_encoding,
        present=message.has("content-encoding"), bound="head")  # fmt: skip
    add(
        "req.content_length", INT, "length of the body; absent if it is streamed or missing", "content_length"
    )
    _content_type(table, "req")
    add("req.cookies", map_of(STRING, list_of(COOKIE)), "cookies by name, in order of the `Cookie` header",
        fill=cookies.of_request, bound="head", kept=True)  # fmt: skip
    add("req.headers", HEADERS, "header values by lower-case name; look-ups ignore case", "headers.map",
        message.header_map, bound="head")  # fmt: skip
    add("req.host", STRING, "value of the Host header", "host")
    add("req.location", STRING, "value of a `Location` header on the request",
        fill=message.header("location"), present=message.has("location"))  # fmt: skip
    add("req.method", STRING, "method", "method", bound="word")
    add(
        "req.trailers",
        HEADERS,
        "trailer values by lower-case name",
        fill=message.trailer_map,
        bound="head",
        kept=True,
    )
    add(
        "req.ts.body_received",
        TIMESTAMP,
        "when the body was complete; absent without a body",
        "body_received",
    )
    add("req.ts.header_received", TIMESTAMP, "when the header section was complete", "header_received")
    add("req.url", STRING, "the whole URL, normalized", "url", request_url.fill_url, bound="head")
    add("req.url.authority", STRING, "authority, with user information if there is any",
        fill=request_url.authority, bound="target")  # fmt: skip
    add("req.url.host", STRING, "host without port", fill=request_url.host, bound="target")
    add(
        "req.url.path",
        STRING,
        "path, normalized, with its leading slash",
        "url_path",
        request_url.fill_path,
        bound="target",
    )
    add(
        "req.url.port",
        INT,
        "port, if the URL names one",
        fill=request_url.port,
        present=request_url.has_port,
        within=PORTS,
    )
    add("req.url.query", STRING, "query without `?`", "url_query", request_url.fill_query,
        present=request_url.has_query, bound="target")  # fmt: skip
    add("req.url.query_params", map_of(STRING, _STRINGS), "decoded values of the query by name",
        "url_query_params", request_url.fill_query_params, bound="target")  # fmt: skip
    add("req.url.raw", STRING, "the whole URL as received", fill=request_url.raw)
    add("req.url.raw_path", STRING, "path as received", fill=request_url.raw_path, bound="target")
    add("req.url.scheme", STRING, "`http` or `https`", "scheme", bound="word")
    add("req.url.uri", STRING, "path and query", "url_uri", request_url.fill_uri, bound="target")
    add("req.url.user_password", STRING, "`user:password` of the URL", fill=request_url.user_password,
        present=request_url.has_user_password)  # fmt: skip
    add("req.user_agent", STRING, "value of the User-Agent header", fill=message.header("user-agent"),
        present=message.has("user-agent"))  # fmt: skip
    for name, doc in (
        ("device", "kind of device"),
        ("name", "name of the program"),
        ("os", "operating system"),
        ("os_version", "version of the operating system"),
        ("url", "URL that the header names"),
        ("version", "version of the program"),
    ):
        add(f"req.user_agent.{name}", STRING, f"{doc}, from the User-Agent header", source="user_agent")
    for name in ("bot", "desktop", "mobile", "tablet"):
        doc = f"whether the User-Agent header says {name}"
        add(f"req.user_agent.is_{name}", BOOL, doc, source="user_agent")
    add("req.version", STRING, "HTTP version, such as `HTTP/1.1`", "version", bound="word")


def _response(table: _Table) -> None:
    """spec/variables.md §5."""
    add = table.add
    add("res.content_encoding", _STRINGS, "codings of `Content-Encoding`", fill=message.content_encoding,
        present=message.has("content-encoding"), bound="head")  # fmt: skip
    add("res.content_length", INT, "length of the body; absent when unknown", "content_length")
    _content_type(table, "res")
    add("res.cookies", map_of(STRING, list_of(COOKIE)), "cookies by name; of one name the longest path first",
        fill=cookies.of_response, bound="head", kept=True)  # fmt: skip
    add("res.headers", HEADERS, "header values by lower-case name; look-ups ignore case", "headers.map",
        message.header_map, bound="head")  # fmt: skip
    add("res.location", STRING, "value of the Location header", fill=message.header("location"),
        present=message.has("location"))  # fmt: skip
    add("res.status_code", INT, "status code", "status", within=(100, 999))
    add(
        "res.trailers",
        HEADERS,
        "trailer values by lower-case name",
        fill=message.trailer_map,
        bound="head",
        kept=True,
    )


def _content_type(table: _Table, root: str) -> None:
    is_there = message.has("content-type")
    table.add(f"{root}.content_type", STRING, "media type, without parameters", fill=message.media_type,
              present=is_there)  # fmt: skip
    table.add(f"{root}.content_type.parameters", map_of(STRING, STRING), "parameters of the media type",
              fill=message.media_type_parameters, present=is_there)  # fmt: skip
    table.add(f"{root}.content_type.raw", STRING, "the whole Content-Type header",
              fill=message.header("content-type"), present=is_there)  # fmt: skip


def _made_by_the_policy(table: _Table) -> None:
    """spec/variables.md §7, §8."""
    table.add(
        "vars", map_of(STRING, DYN), "what set-vars set in this phase", "vars", record="x", bound="engine"
    )
    table.add("actions.ngrok", Record("actions.ngrok", (), {}, partial=True),
              "results of the actions that ran, by name", "results", record="x", bound="head")  # fmt: skip


def _declare() -> dict[str, Variable]:
    table = _Table()
    _connection(table)
    _endpoint(table)
    _request(table)
    _response(table)
    _made_by_the_policy(table)
    return dict(sorted(table.rows.items()))


VARIABLES: Mapping[str, Variable] = _declare()


def results_variable(results: Mapping[str, Record]) -> Variable:
    """Return `actions.ngrok` with the records that actions publish, by name (`basic_auth`)."""
    plain = VARIABLES["actions.ngrok"]
    fields = {name: Field(record) for name, record in sorted(results.items())}
    return Variable(
        plain.path,
        Record("actions.ngrok", (), fields, partial=True),
        plain.doc,
        plain.phases,
        plain.record,
        plain.slot,
        bound=plain.bound,
    )
