"""A TLS ClientHello, read and not answered: whom the client asks for, what it offers, how it looks (JA4).

    record   = type(1) version(2) length(2) fragment          RFC 8446 §5.1
    message  = type(1) length(3) body                         RFC 8446 §4; may lie in several records
    body     = version(2) random(32) session_id<0..32> ciphers<2..2^16-2> compression<1..2^8-1> extensions

Rules. 1. Nothing is believed that another TLS library could read in another way: a field that ends early or
late, an extension that stands twice, two names. 2. What is read is bounded: records of 16 KiB, one message
of 64 KiB (spec/endpoints.md §8.4), no empty records. 3. What comes after the hello is not looked at.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

RECORD_LIMIT_BYTES: Final = 16 * 1024
HELLO_LIMIT_BYTES: Final = 64 * 1024

# RFC 8446 §6: descriptions of the fatal alerts that are sent before a handshake.
HANDSHAKE_FAILURE: Final = 40
DECODE_ERROR: Final = 50
INTERNAL_ERROR: Final = 80
MISSING_EXTENSION: Final = 109
UNRECOGNIZED_NAME: Final = 112
NO_APPLICATION_PROTOCOL: Final = 120

_HANDSHAKE = 22
_CLIENT_HELLO = 1
_SERVER_NAME, _SIGNATURE_ALGORITHMS, _ALPN, _SUPPORTED_VERSIONS = 0, 13, 16, 43
_HOST_NAME = 0
# A name as RFC 6066 §3 has it: ASCII, A-labels; underscores are met in the wild.
_NAME = re.compile(rb"[A-Za-z0-9_*-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?")
_JA4_VERSIONS = {0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10", 0x0300: "s3", 0x0002: "s2"}
_NOTHING = "0" * 12


class NotTls(Exception):  # noqa: N818  # what the octets are, not a mistake of ours
    """The octets do not begin with a ClientHello that can be trusted.

    `alert` is the description of the fatal alert to send, None where the peer does not speak TLS.
    """

    def __init__(self, reason: str, alert: int | None = DECODE_ERROR) -> None:
        """`reason` is for the log."""
        super().__init__(reason)
        self.alert = alert


class Hello(NamedTuple):
    """What a ClientHello says.

    `sni` is in lower case, without a trailing dot, empty where the client sends none; `alpn` in the client's
    order; `versions` the protocol versions that it offers (0x0304 is TLS 1.3), GREASE left out.
    """

    sni: str
    alpn: tuple[str, ...]
    ja4: str
    versions: tuple[int, ...]


class HelloReader:
    """Takes octets as they come until they are a hello."""

    __slots__ = ("_message", "_octets", "_wanted")

    def __init__(self) -> None:
        """Begin before the first record."""
        self._octets = bytearray()
        self._message = bytearray()
        self._wanted = -1

    def feed(self, data: bytes) -> Hello | None:
        """Return the hello once it is complete, None while more is needed. Raises NotTls.

        Every octet is looked at once, however small the pieces.
        """
        octets = self._octets
        octets += data
        at = 0
        while True:
            _check_record(octets, at)
            if len(octets) - at < 5:
                break
            end = at + 5 + int.from_bytes(octets[at + 3 : at + 5])
            if len(octets) < end:
                # A message that is too long is known by its first octets, whole record or not.
                if not self._message and len(octets) - at >= 9:
                    _message_length(bytes(octets[at + 5 : at + 9]))
                break
            self._message += octets[at + 5 : end]
            at = end
            if self._wanted < 0 and len(self._message) >= 4:
                self._wanted = 4 + _message_length(bytes(self._message[:4]))
            elif self._wanted < 0 and self._message[0] != _CLIENT_HELLO:
                raise NotTls("the first message is no ClientHello", None)
            if 0 <= self._wanted <= len(self._message):
                return _read(bytes(self._message[4 : self._wanted]))
        del octets[:at]
        return None


def parse(octets: bytes) -> Hello | None:
    """Return the hello that `octets` begin with, None while more is needed. Raises NotTls."""
    return HelloReader().feed(octets)


def alert(description: int) -> bytes:
    """Return a fatal alert as a record, to be sent before any handshake."""
    return bytes((21, 3, 3, 0, 2, 2, description))


def _check_record(octets: bytearray, at: int) -> None:
    """Refuse a record's head as early as its octets tell."""
    head = octets[at : at + 5]
    if head and head[0] != _HANDSHAKE:
        raise NotTls("no TLS handshake record", None)
    if len(head) > 1 and head[1] != 3:
        raise NotTls("no TLS handshake record", None)
    if len(head) == 5 and not 0 < int.from_bytes(head[3:]) <= RECORD_LIMIT_BYTES:
        raise NotTls("a record is empty or too long")


def _message_length(head: bytes) -> int:
    if head[0] != _CLIENT_HELLO:
        raise NotTls("the first message is no ClientHello", None)
    length = int.from_bytes(head[1:4])
    if length > HELLO_LIMIT_BYTES:
        raise NotTls("the ClientHello is too long")
    return length


class _Fields:
    """A cursor over vectors: every one has to fit, and `end` has to come out even."""

    __slots__ = ("_at", "_octets")

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    def take(self, size: int) -> bytes:
        end = self._at + size
        if end > len(self._octets):
            raise NotTls("a field of the ClientHello is cut off")
        taken = self._octets[self._at : end]
        self._at = end
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size))

    def vector(self, size: int) -> bytes:
        """Return a vector whose length stands before it, in `size` octets."""
        return self.take(self.number(size))

    @property
    def is_at_end(self) -> bool:
        return self._at == len(self._octets)


def _read(body: bytes) -> Hello:
    fields = _Fields(body)
    legacy = fields.number(2)
    fields.take(32)
    if len(fields.vector(1)) > 32:
        raise NotTls("the session id is too long")
    ciphers = _numbers(fields.vector(2), "cipher suites")
    if not fields.vector(1):
        raise NotTls("there is no compression method")
    extensions: dict[int, bytes] = {}
    if not fields.is_at_end:  # SSL-era clients have none
        listed = _Fields(fields.vector(2))
        if not fields.is_at_end:
            raise NotTls("octets follow the extensions")
        while not listed.is_at_end:
            kind = listed.number(2)
            if kind in extensions:
                raise NotTls("an extension stands twice")  # RFC 8446 §4.2
            extensions[kind] = listed.vector(2)
    sni = _server_name(extensions.get(_SERVER_NAME))
    alpn = _protocols(extensions.get(_ALPN))
    offered = _versions(extensions.get(_SUPPORTED_VERSIONS))
    versions = tuple(each for each in (offered if offered is not None else [legacy]) if not _is_grease(each))
    return Hello(
        sni,
        tuple(each.decode("latin-1") for each in alpn),
        _ja4(max(versions, default=legacy), ciphers, extensions, alpn),
        versions,
    )


def _numbers(octets: bytes, what: str) -> list[int]:
    if len(octets) % 2:
        raise NotTls(f"the list of {what} is cut off")
    return [int.from_bytes(octets[at : at + 2]) for at in range(0, len(octets), 2)]


def _server_name(extension: bytes | None) -> str:
    if extension is None:
        return ""
    outer = _Fields(extension)
    names = _Fields(outer.vector(2))
    found = b""
    while not names.is_at_end:
        kind, name = names.number(1), names.vector(2)
        # RFC 6066 §3: no more than one name of a type, and there is no other type.
        if kind != _HOST_NAME or found:
            raise NotTls("the server name is not one host name")
        if _NAME.fullmatch(name) is None or len(name) > 254:
            raise NotTls("the server name is no host name")
        found = name
    if not found or not outer.is_at_end:
        raise NotTls("the server name is not one host name")
    return found.decode("ascii").lower().removesuffix(".")


def _protocols(extension: bytes | None) -> list[bytes]:
    if extension is None:
        return []
    outer = _Fields(extension)
    listed = _Fields(outer.vector(2))
    names = []
    while not listed.is_at_end:
        names.append(listed.vector(1))
    if not outer.is_at_end or not names or not all(names):
        raise NotTls("the list of application protocols is malformed")
    return names


def _versions(extension: bytes | None) -> list[int] | None:
    if extension is None:
        return None
    outer = _Fields(extension)
    listed = _numbers(outer.vector(1), "versions")
    if not outer.is_at_end:
        raise NotTls("the list of versions is malformed")
    return listed


def _is_grease(number: int) -> bool:
    """Whether a number means nothing (RFC 8701: 0x0A0A, 0x1A1A … 0xFAFA)."""
    return number & 0x0F0F == 0x0A0A and number >> 8 == number & 0xFF


def _ja4(version: int, ciphers: list[int], extensions: dict[int, bytes], alpn: list[bytes]) -> str:
    """Return the fingerprint as FoxIO's JA4 technical details define it, for TLS over TCP."""
    suites = sorted(f"{each:04x}" for each in ciphers if not _is_grease(each))
    kinds = [each for each in extensions if not _is_grease(each)]
    shown = sorted(f"{each:04x}" for each in kinds if each not in (_SERVER_NAME, _ALPN))
    head = (
        f"t{_JA4_VERSIONS.get(version, '00')}{'d' if _SERVER_NAME in extensions else 'i'}"
        f"{min(len(suites), 99):02d}{min(len(kinds), 99):02d}{_ja4_protocol(alpn)}"
    )
    signatures = ""
    if _SIGNATURE_ALGORITHMS in extensions:
        listed = _numbers(_Fields(extensions[_SIGNATURE_ALGORITHMS]).vector(2), "signature algorithms")
        signatures = ",".join(f"{each:04x}" for each in listed if not _is_grease(each))
    last = ",".join(shown) + (f"_{signatures}" if signatures else "")
    return f"{head}_{_digest(','.join(suites))}_{_digest(last) if shown else _NOTHING}"


def _ja4_protocol(alpn: list[bytes]) -> str:
    if not alpn:
        return "00"
    first, last = alpn[0][:1], alpn[0][-1:]
    if first.isalnum() and last.isalnum():
        return (first + last).decode("ascii")
    return first.hex()[0] + last.hex()[1]


def _digest(text: str) -> str:
    if not text:
        return _NOTHING
    from hashlib import sha256

    return sha256(text.encode("ascii")).hexdigest()[:12]
