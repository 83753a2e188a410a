"""The frames of HTTP/2 as they arrive: cut out of the octets and counted, before the h2 library hears them.

What h2 leaves to its user is done here: no frame is kept that is larger than it may be, none of the floods of
frames that cost much and carry nothing gets far, and a block of fields ends. One frame at a time goes on, so
that what came before a broken one has been heard.

    kind            counted as       and earns
    DATA            nothing, if it carries octets; one that is empty and ends nothing is `control`
    RST_STREAM      `resets`, by the session, which knows whether there was anything to reset
    CONTINUATION    by itself, per block
    others          `control`        a frame of DATA, either way, earns EARNED of them

Sources: RFC 9113 §4, §5.5, §6.10, §10.5; CVE-2019-9512 to 9518, CVE-2023-44487, CVE-2024-27316.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

DATA: Final = 0
HEADERS: Final = 1
PRIORITY: Final = 2
RST_STREAM: Final = 3
SETTINGS: Final = 4
PUSH_PROMISE: Final = 5
PING: Final = 6
GOAWAY: Final = 7
WINDOW_UPDATE: Final = 8
CONTINUATION: Final = 9

ACK: Final = 1
END_STREAM: Final = 1
END_HEADERS: Final = 4
PADDED: Final = 8

NO_ERROR: Final = 0
PROTOCOL_ERROR: Final = 1
INTERNAL_ERROR: Final = 2
FRAME_SIZE_ERROR: Final = 6
REFUSED_STREAM: Final = 7
CANCEL: Final = 8
COMPRESSION_ERROR: Final = 9
ENHANCE_YOUR_CALM: Final = 11

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
LARGEST: Final = 16_384
# Frames are counted within spans of so many seconds.
SPAN_S: Final = 10.0
# A peer that takes data tells so by WINDOW_UPDATE, for the stream and the connection, and may probe by PING.
EARNED: Final = 4

_FLOODS: Final = {
    DATA: "empty_frames_flood",
    SETTINGS: "settings_flood",
    PING: "ping_flood",
    WINDOW_UPDATE: "window_update_flood",
}


class Http2Limits(NamedTuple):
    """What one connection may cost; octets, but for the counts. `head` is that of one message."""

    head: int = 64 * 1024
    streams: int = 100
    resets: int = 200
    control: int = 1000
    continuations: int = 16
    window: int = 1024 * 1024
    buffer: int = 64 * 1024

    @property
    def block(self) -> int:
        """The largest block of fields that is read at all, packed or unpacked; above `head` it is refused."""
        return self.head * 2


class Broken(Exception):  # noqa: N818  # an outcome of reading, not a mistake of ours
    """A connection that cannot go on; `reason` is a name of reasons.py, `code` what GOAWAY says."""

    def __init__(self, reason: str, code: int, detail: str = "") -> None:
        """Break for `reason`."""
        self.reason = reason
        self.code = code
        self.detail = detail
        super().__init__(f"{reason}: {detail}" if detail else reason)


class Budget:
    """So many within a span of seconds, and as many more as were earned."""

    __slots__ = ("_clock", "_ends", "_limit", "_spent")

    def __init__(self, limit: int, clock: Callable[[], float]) -> None:
        """`clock` gives monotonic seconds."""
        self._limit = limit
        self._clock = clock
        self._spent = 0
        self._ends = clock() + SPAN_S

    def spend(self, reason: str) -> None:
        """Count one; raises Broken where there were too many."""
        self._spent += 1
        if self._spent <= self._limit:
            return
        now = self._clock()
        if now < self._ends:
            raise Broken(reason, ENHANCE_YOUR_CALM)
        self._ends = now + SPAN_S
        self._spent = 1

    def earn(self) -> None:
        """Make up for some of what was spent."""
        self._spent = max(0, self._spent - EARNED)


class Frame(NamedTuple):
    """One whole frame; `octets` begin with its header of nine."""

    kind: int
    flags: int
    stream: int
    octets: bytes


class FrameReader:
    """Cuts octets into frames; `next` answers one, or None while it is not all there. It raises Broken."""

    __slots__ = ("_begun", "_block", "_buffer", "_continued", "_limits", "_preface", "_within", "control")

    def __init__(self, limits: Http2Limits, clock: Callable[[], float], preface: bytes) -> None:
        """Expect `preface` first, which is empty for what a server sends; then SETTINGS."""
        self._limits = limits
        self._preface = preface
        self._begun = False
        self._buffer = bytearray()
        self._within = 0
        self._block = 0
        self._continued = 0
        self.control = Budget(limits.control, clock)

    def feed(self, octets: bytes) -> None:
        """Take what was received."""
        self._buffer += octets

    @property
    def is_within(self) -> bool:
        """Whether a frame, or a block of fields, began that has not ended. A frame of DATA does not count."""
        buffer = self._buffer
        return bool(self._within) or (bool(buffer) and (len(buffer) < 9 or buffer[3] != DATA))

    @property
    def partial(self) -> tuple[int, int]:
        """The stream of a frame of DATA that began and has not ended, and its octets so far."""
        buffer = self._buffer
        if len(buffer) < 9 or buffer[3] != DATA or self._preface:
            return 0, 0
        return int.from_bytes(buffer[5:9]) & 0x7FFFFFFF, len(buffer) - 9

    def next(self) -> Frame | None:
        """Return the next frame."""
        buffer = self._buffer
        if self._preface and not self._read_preface():
            return None
        if len(buffer) < 9:
            return None
        size = int.from_bytes(buffer[:3])
        if size > LARGEST:
            raise Broken("http2_error", FRAME_SIZE_ERROR, "a frame is too large")
        kind, flags = buffer[3], buffer[4]
        stream = int.from_bytes(buffer[5:9]) & 0x7FFFFFFF
        if self._within and (kind != CONTINUATION or stream != self._within):
            raise Broken("http2_error", PROTOCOL_ERROR, "a block of fields is interrupted")
        if not self._begun and (kind != SETTINGS or flags & ACK):
            raise Broken("http2_error", PROTOCOL_ERROR, "the first frame is not SETTINGS")
        self._begun = True
        if len(buffer) < size + 9:
            return None
        octets = bytes(buffer[: size + 9])
        del buffer[: size + 9]
        self._count(kind, flags, stream, octets)
        return Frame(kind, flags, stream, octets)

    def _read_preface(self) -> bool:
        preface, buffer = self._preface, self._buffer
        if not buffer.startswith(preface[: len(buffer)]):
            raise Broken("http2_error", PROTOCOL_ERROR, "the preface is missing")
        if len(buffer) < len(preface):
            return False
        del buffer[: len(preface)]
        self._preface = b""
        return True

    def _count(self, kind: int, flags: int, stream: int, octets: bytes) -> None:
        size = len(octets) - 9
        if kind == DATA:
            padding = 1 + octets[9] if flags & PADDED and size else 0
            if size > padding:
                self.control.earn()
            elif not flags & END_STREAM:
                self.control.spend("empty_frames_flood")
        elif kind in (HEADERS, PUSH_PROMISE):
            if not flags & END_HEADERS:
                self._within, self._block, self._continued = stream, size, 0
        elif kind == CONTINUATION:
            self._continued += 1
            self._block += size
            if self._continued > self._limits.continuations or self._block > self._limits.block:
                raise Broken("continuation_flood", ENHANCE_YOUR_CALM)
            if flags & END_HEADERS:
                self._within = 0
        elif kind not in (RST_STREAM, GOAWAY):
            self.control.spend(_FLOODS.get(kind, "frames_flood"))
