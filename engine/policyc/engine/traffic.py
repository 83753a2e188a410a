"""What a policy sees of its traffic: plain slotted records that the runtime fills and generated code reads.

Rules. 1. A slot that holds None has not been worked out yet, or is absent: the variable's declaration says
which (variables.py). 2. Nothing is worked out before a policy reads it: the functions here fill a slot at its
first use, and the generated code calls them (a `__getattr__` or a property would cost twice the access for
everyone). 3. `absent` is a slot that holds None on every record: the place of variables that have none of
their own. 4. Text of field values is UTF-8 with surrogateescape, so that any octets survive the round trip.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final
from typing import Protocol as Interface

from policyc.engine.values import Timestamp

Line = tuple[str, str]


def text(octets: bytes) -> str:
    """Decode octets of a message as policies see them."""
    return octets.decode("utf-8", "surrogateescape")


def octets(value: str) -> bytes:
    """Encode what `text` decoded, or what a policy made."""
    return value.encode("utf-8", "surrogateescape")


class FieldBlock:
    """Well-formed field lines in one piece, each with its line end; the map of them is made once, if at all.

    Several messages may share one: a client says the same again with each request.
    """

    __slots__ = ("map", "octets")

    def __init__(self, octets: bytes) -> None:
        """Take the lines as they are on the wire."""
        self.octets = octets
        self.map: dict[str, list[str]] | None = None

    def as_map(self) -> dict[str, list[str]]:
        """Return lower-case name → values. Read only, and so are the lists in it."""
        made = self.map
        if made is None:
            made = self.map = {}
            rows = text(self.octets).split("\r\n")
            del rows[-1]
            for row in rows:
                name, _, value = row.partition(":")
                name = name.lower()
                if name in made:
                    made[name].append(value.strip(" \t"))
                else:
                    made[name] = [value.strip(" \t")]
        return made


# Fields that say where a message ends: nobody but who writes the message sets them.
FRAMING_FIELDS: Final = frozenset({b"content-length", b"transfer-encoding"})


class KnownLines:
    """Field lines that a policy adds to every message: encoded once. `block` is None if not well formed."""

    __slots__ = ("block", "octets", "texts")

    def __init__(self, lines: Iterable[tuple[str, str]]) -> None:
        """Take (name, value) pairs."""
        self.texts = tuple((name.lower(), value) for name, value in lines)
        self.octets = [(octets(name), octets(value)) for name, value in self.texts]
        block = b"".join([b"%b: %b\r\n" % line for line in self.octets])
        count = len(self.octets)
        is_well_formed = block.count(b"\r") == block.count(b"\n") == count and b"\0" not in block
        if any(name in FRAMING_FIELDS for name, _ in self.octets):
            is_well_formed = False
        self.block = block if is_well_formed else None


class Headers:
    """Field lines of a message, in order, as octets; and the map that policies read, made when first read.

    `lines` are (name, value) as received. `map` is lower-case name → values in order, or None while nobody
    has asked. Changes go through the methods, which keep both in step. `derived` holds what was worked out
    from the fields (cookies) by name, until the next change.

    Headers made by `received` hold one piece of octets instead, and what was added to it, until somebody
    wants lines or takes a line away: most messages travel on without that.
    """

    __slots__ = ("_added", "_block", "_known", "_lines", "derived", "map")

    def __init__(self, lines: Iterable[tuple[bytes, bytes]] = ()) -> None:
        """Take field lines as they are on the wire."""
        self._lines = list(lines)
        self._block: FieldBlock | None = None
        # What was added to the block, if nothing but known lines was.
        self._known: bytes | None = None
        self._added: list[tuple[bytes, bytes]] = self._lines
        self.map: dict[str, list[str]] | None = None
        self.derived: dict[str, Any] = {}

    @classmethod
    def received(cls, block: FieldBlock) -> Headers:
        """Take well-formed field lines in one piece."""
        made = cls.__new__(cls)
        made._block = block
        made._added = []
        made._known = b""
        made.map = None
        made.derived = {}
        return made

    @property
    def lines(self) -> list[tuple[bytes, bytes]]:
        """The lines; a list that the caller may change as long as nobody has read the map."""
        block = self._block
        if block is not None:
            self._lines = self._added = split_block(block.octets) + self._added
            self._block = None
            if self.map is not None and self.map is block.map:  # which others read as well
                self.map = self.map.copy()
        return self._lines

    @property
    def block(self) -> tuple[bytes, list[tuple[bytes, bytes]], bytes | None] | None:
        """The lines as (octets, what was added to them); None where they are not that any more.

        The third is what was added as octets, if that is known to be well formed.
        """
        block = self._block
        return None if block is None else (block.octets, self._added, self._known)

    def as_map(self) -> dict[str, list[str]]:
        """Return lower-case name → values, in order of first appearance. Read only."""
        made = self.map
        if made is None:
            if self._block is None:
                made = {}
            elif not self._added:
                made = self.map = self._block.as_map()
                return made
            else:
                made = self._block.as_map().copy()
            for octet_name, octet_value in self._added:
                name = text(octet_name).lower()
                made[name] = [*made.get(name, ()), text(octet_value)]
            self.map = made
        return made

    def get(self, name: str) -> list[str]:
        """Return all values of `name` (any case), an empty list if there is none."""
        return self.as_map().get(name.lower(), [])

    def add(self, name: str, value: str) -> None:
        """Append a line; the name is sent in lower case."""
        name = name.lower()
        self._added.append((octets(name), octets(value)))
        self._known = None
        self._changed(name, value)

    def add_known(self, lines: KnownLines) -> None:
        """Append lines that are the same for every message."""
        self._added += lines.octets
        if self._known is not None:
            self._known = None if lines.block is None else self._known + lines.block
        if self._block is not None:
            self.map = None
            if self.derived:
                self.derived = {}
            return
        for name, value in lines.texts:
            self._changed(name, value)

    def _changed(self, name: str, value: str) -> None:
        known = self.map
        if known is not None:
            if self._block is not None and known is self._block.map:
                known = self.map = known.copy()
            known[name] = [*known.get(name, ()), value]
        if self.derived:
            self.derived = {}

    def set(self, name: str, value: str) -> None:
        """Replace all lines of `name` by one."""
        self.remove(name)
        self.add(name, value)

    def remove(self, name: str) -> bool:
        """Remove every line of `name` (any case); return whether there was one."""
        wanted = octets(name.lower())
        block = self._block
        if (
            block is not None
            and wanted not in block.octets.lower()
            and all(wanted != name for name, _ in self._added)
        ):
            return False
        kept = [line for line in self.lines if line[0].lower() != wanted]
        if len(kept) == len(self.lines):
            return False
        self._lines = self._added = kept
        if self.map is not None:
            self.map.pop(name.lower(), None)
        if self.derived:
            self.derived = {}
        return True


def split_block(block: bytes) -> list[tuple[bytes, bytes]]:
    """Return the lines of well-formed octets."""
    made = []
    for row in block.split(b"\r\n")[:-1]:
        name, _, value = row.partition(b":")
        made.append((name, value.strip(b" \t")))
    return made


def content_length(headers: Headers) -> int | None:
    """Return what Content-Length says, None if it says nothing that can be relied on."""
    values = headers.get("content-length")
    if len(values) != 1 or len(values[0]) > 18 or not values[0].isascii() or not values[0].isdigit():
        return None
    return int(values[0])


class Connection:
    """The client's connection; the same object for every request on it and across forward-internal."""

    __slots__ = (
        "bytes_in",
        "bytes_out",
        "client_ip",
        "client_number",
        "client_port",
        "server_ip",
        "server_port",
        "server_region",
        "started",
        "tls",
    )

    absent: Final = None

    def __init__(
        self,
        client_ip: str,
        client_port: int = 0,
        server_ip: str = "",
        server_port: int = 0,
        *,
        started: Timestamp | None = None,
        server_region: str = "local",
    ) -> None:
        """Addresses in RFC 5952 form, IPv4-mapped ones as IPv4, no zone."""
        self.client_ip = client_ip
        self.client_number: int | None = None  # see optimise/networks.py
        self.client_port = client_port
        self.server_ip = server_ip
        self.server_port = server_port
        self.server_region = server_region
        self.started = started or Timestamp(0)
        self.bytes_in = 0
        self.bytes_out = 0
        self.tls: Tls | None = None

    def at_start(self) -> Connection:
        """Return the connection as it was accepted: no octets yet, as `on_tcp_connect` sees it."""
        fresh = Connection(
            self.client_ip,
            self.client_port,
            self.server_ip,
            self.server_port,
            started=self.started,
            server_region=self.server_region,
        )
        fresh.tls = self.tls
        return fresh

    # Moments have no zero, so they are slots of their own: see variables.py.

    @property
    def client_not_before(self) -> object:
        """When the client's certificate begins to be valid, None without one."""
        return self._of_client("validity.not_before")

    @property
    def client_not_after(self) -> object:
        """When the client's certificate ends to be valid, None without one."""
        return self._of_client("validity.not_after")

    @property
    def server_not_before(self) -> object:
        """When the gateway's certificate begins to be valid, None without one."""
        return self._of_server("validity.not_before")

    @property
    def server_not_after(self) -> object:
        """When the gateway's certificate ends to be valid, None without one."""
        return self._of_server("validity.not_after")

    def _of_client(self, path: str) -> object:
        return None if self.tls is None or self.tls.client is None else self.tls.client.fields.get(path)

    def _of_server(self, path: str) -> object:
        return None if self.tls is None or self.tls.server is None else self.tls.server.fields.get(path)


class Tls:
    """What is known of the client's TLS session; empty strings before the handshake and without TLS.

    `client` and `server` are the certificates that were presented.
    """

    __slots__ = ("alpn", "cipher_suite", "client", "ja4", "server", "sni", "version")

    def __init__(
        self, sni: str = "", version: str = "", cipher_suite: str = "", alpn: str = "", ja4: str = ""
    ) -> None:
        """`version` is `1.2` or `1.3`; `cipher_suite` an IANA name."""
        self.sni = sni
        self.version = version
        self.cipher_suite = cipher_suite
        self.alpn = alpn
        self.ja4 = ja4
        self.client: Certificate | None = None
        self.server: Certificate | None = None


class Certificate:
    """A certificate as it was presented; what is in it is read when somebody asks."""

    __slots__ = ("_fields", "_read", "der")

    def __init__(self, der: bytes, read: Callable[[bytes], Mapping[str, object]]) -> None:
        """`read` gives the values by their paths below `conn.tls.client` (spec/variables.md §2.3)."""
        self.der = der
        self._read = read
        self._fields: Mapping[str, object] | None = None

    @property
    def fields(self) -> Mapping[str, object]:
        """Its values, by path: `subject`, `subject.common_name`, `validity.not_after`."""
        known = self._fields
        if known is None:
            known = self._fields = self._read(self.der)
        return known

    @property
    def record(self) -> dict[str, object]:
        """Its values as the result of `terminate-tls` has them."""
        nested: dict[str, object] = {}
        validity: dict[str, object] = {}
        for path, value in self.fields.items():
            if path.startswith("validity."):
                validity[path.removeprefix("validity.")] = value
            elif path != "pem":
                nested[path] = value
        nested["validity"] = validity
        return nested


class EndpointInfo:
    """The endpoint whose policy runs, as `endpoint.*` shows it; a wildcard endpoint shows its pattern."""

    __slots__ = ("account", "addr", "binding", "host", "id", "port", "protocol", "url")

    def __init__(
        self,
        url: str,
        protocol: str,
        host: str,
        port: int,
        *,
        id: str = "",
        account: str = "default",
        binding: str = "public",
    ) -> None:
        """`url` omits the default port, `addr` never does."""
        self.url = url
        self.protocol = protocol
        self.host = host
        self.port = port
        self.addr = f"{host}:{port}"
        self.id = id
        self.account = account
        self.binding = binding


class Request:
    """An HTTP request as the policy sees and changes it, and as it goes to the upstream.

    Given: `method`, `scheme` (of the public endpoint), `host` (the Host field), `target` (path and query as
    received, `/` at least), `version`, `headers`. The rest is None until a filler in request_url.py works it
    out. `url-rewrite` replaces `target` through `request_url.rewrite`, which empties what hangs on it.
    """

    __slots__ = (
        "body_received",
        "content_length",
        "header_received",
        "headers",
        "host",
        "method",
        "received_target",
        "scheme",
        "target",
        "trailers",
        "url",
        "url_path",
        "url_query",
        "url_query_params",
        "url_uri",
        "version",
    )

    absent: Final = None

    def __init__(
        self,
        method: str,
        scheme: str,
        host: str,
        target: str,
        headers: Headers,
        *,
        version: str = "HTTP/1.1",
        content_length: int | None = None,
        header_received: Timestamp | None = None,
    ) -> None:
        """`content_length` is None for a streamed or missing body."""
        self.method = method
        self.scheme = scheme
        self.host = host
        self.target = target
        self.received_target = target
        self.version = version
        self.headers = headers
        self.content_length = content_length
        self.header_received = header_received
        self.body_received: Timestamp | None = None
        self.trailers: Headers | None = None
        self.url: str | None = None
        self.url_path: str | None = None
        self.url_query: str | None = None
        self.url_uri: str | None = None
        self.url_query_params: dict[str, list[str]] | None = None


class Response:
    """An HTTP response as `on_http_response` sees and changes it, and as it goes to the client.

    `body` is None while the body streams from the upstream; a policy that replaces it sets it.
    """

    __slots__ = ("body", "content_length", "headers", "status", "trailers")

    absent: Final = None

    def __init__(
        self,
        status: int,
        headers: Headers,
        *,
        content_length: int | None = None,
        body: bytes | None = None,
    ) -> None:
        """`content_length` is None when unknown."""
        self.status = status
        self.headers = headers
        self.content_length = content_length
        self.body = body
        self.trailers: Headers | None = None


class Services(Interface):
    """What a policy needs from outside; the runtime (or a test) implements it. Nothing here may block."""

    def now_ns(self) -> int:
        """Wall clock, nanoseconds since 1970."""
        ...

    def random_int(self, low: int, high: int) -> int:
        """Return a random integer, both ends included."""
        ...

    def random_double(self) -> float:
        """Return a random double in [0, 1)."""
        ...

    def secret(self, vault: str, name: str) -> str:
        """Return a secret; raises EvalError where there is no such secret or no store."""
        ...

    def take(self, bucket: str, capacity: int, window_s: int) -> int:
        """Count a request in a rate-limit bucket: 0 if let through, else seconds until it may be again."""
        ...


class Exchange:
    """One policy's view of one request (or, in `on_tcp_connect`, one connection) at one endpoint.

    A hop by forward-internal makes a new exchange over the same `conn`, `req` and `logs`. `vars` is emptied
    before each phase. `results` holds `actions.ngrok.*` by snake-case name. `now` is the text of `time.now`,
    one reading per phase run. `logs` are the entries of the `log` action, `acted` the names of rules that
    acted.
    """

    __slots__ = ("acted", "conn", "endpoint", "logs", "now", "req", "res", "results", "services", "vars")

    def __init__(
        self,
        conn: Connection,
        endpoint: EndpointInfo,
        services: Services,
        req: Request | None = None,
    ) -> None:
        """Begin an exchange; `res` is set when there is a response."""
        self.conn = conn
        self.endpoint = endpoint
        self.services = services
        self.req: Request = req  # type: ignore[assignment]  # the phase table keeps req.* out of on_tcp_connect
        self.res: Response = None  # type: ignore[assignment]  # and res.* out of the request phase
        self.vars: dict[str, object] = {}
        self.results: dict[str, dict[str, object]] = {}
        self.logs: list[dict[str, object]] = []
        self.acted: list[str] = []
        self.now: str | None = None
