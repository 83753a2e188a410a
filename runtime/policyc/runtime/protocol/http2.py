"""HTTP/2 of one connection as octets, either side of it: octets in, events out, and back. No I/O.

The h2 library keeps the states, the windows and the tables of the compression. Rules of what is around it.
1. h2 hears of whole frames that http2_frames.py let through, one by one; each one's events are dealt with
   before the next is read. 2. What is wrong with one message ends its stream, not the connection, whose other
   streams may belong to other people; h2 would end the connection for a body of another length than its
   head says and for a stream too many. 3. Octets to send wait here, by stream, until windows are open; one
   frame of each stream in turn. 4. A GOAWAY of either side ends nothing: h2 never hears of one, for it
   would forget the streams that are under way.

What the fields of a message mean is http2_heads.py's.

Sources: RFC 9113, RFC 7541.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from h2.config import H2Configuration
from h2.connection import AllowedStreamIDs, H2Connection
from h2.events import (
    DataReceived,
    Event,
    InformationalResponseReceived,
    PingAckReceived,
    RemoteSettingsChanged,
    RequestReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
    WindowUpdated,
)
from h2.exceptions import DenialOfServiceError, ProtocolError
from h2.settings import SettingCodes, Settings
from h2.stream import H2Stream
from hpack.exceptions import HPACKError
from hyperframe.frame import GoAwayFrame, SettingsFrame

from policyc.runtime.protocol.hopbyhop import Line
from policyc.runtime.protocol.http2_frames import (
    COMPRESSION_ERROR,
    CONTINUATION,
    ENHANCE_YOUR_CALM,
    FRAME_SIZE_ERROR,
    GOAWAY,
    NO_ERROR,
    PREFACE,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    RST_STREAM,
    Broken,
    Budget,
    Frame,
    FrameReader,
    Http2Limits,
)

if TYPE_CHECKING:
    from hpack.struct import Header
    from hyperframe.frame import Frame as H2Frame

# Windows begin at this size, whatever the settings say: the peer may send so much before it knows them.
_FIRST_WINDOW: Final = 65_535
_ANY_STREAM: Final = 2**31 - 1
# The table of the compression that is kept for each direction: RFC 7541's first size.
_TABLE: Final = 4096
_GOAWAY_SIZE: Final = 17
# A frame that is sent carries no more: other streams want their turn.
_LARGEST_SENT: Final = 65_536
# And one that is cut to fit a window earns nothing below this.
_WORTH: Final = 1024
_LAST_ID: Final = 2**31 - 2


class Head(NamedTuple):
    """The fields of a request or a response, pseudo-header fields among them; `ended` if nothing follows."""

    stream: int
    fields: list[Line]
    ended: bool


class Interim(NamedTuple):
    """The fields of an interim response."""

    stream: int
    fields: list[Line]


class Piece(NamedTuple):
    """A piece of a body, to be given back with `consumed(stream, cost)` when it was dealt with."""

    stream: int
    data: bytes
    cost: int


class Ended(NamedTuple):
    """A message is complete; `fields` are its trailers."""

    stream: int
    fields: list[Line]


class Wrong(NamedTuple):
    """A stream cannot go on for what the peer sent on it: `reason` is one of protocol/refusal.py."""

    stream: int
    reason: str


class Gone(NamedTuple):
    """The peer gave a stream up."""

    stream: int
    code: int


class Leaving(NamedTuple):
    """The peer takes no streams above `last` (GOAWAY)."""

    last: int
    code: int


class Told(NamedTuple):
    """The peer told its settings; it may take more streams, or more octets, than before."""


class Answered(NamedTuple):
    """The peer answered `ping`."""


News = Head | Interim | Piece | Ended | Wrong | Gone | Leaving | Told | Answered


class _Outbox:
    """What waits to be sent on a stream."""

    __slots__ = ("end", "is_queued", "pieces", "size")

    def __init__(self) -> None:
        self.pieces: deque[bytes | memoryview] = deque()
        self.size = 0
        self.end: Sequence[Line] | None = None  # the trailers, once the message is complete
        self.is_queued = False


class _Stream(H2Stream):
    """A stream that leaves to us what h2 would end the connection for: see rule 2."""

    def _initialize_content_length(self, headers: Iterable[Header]) -> None:
        """Let the body be of any length."""

    def receive_headers(
        self, headers: Iterable[Header], end_stream: bool, header_encoding: bool | str | None
    ) -> tuple[list[H2Frame], list[Event]]:
        """Take for an interim response only what can be one: no request, and nothing that ends its stream."""
        if end_stream or not self.config.client_side:
            headers = [
                (name, b"" if name == b":status" and value[:1] == b"1" else value) for name, value in headers
            ]
        return super().receive_headers(headers, end_stream, header_encoding)


class _Connection(H2Connection):
    """The state of a connection, and of its streams."""

    # How many streams h2 remembers that were closed: enough for frames that were on their way.
    MAX_CLOSED_STREAMS = 4096

    def _begin_new_stream(self, stream_id: int, allowed_ids: AllowedStreamIDs) -> H2Stream:
        stream = super()._begin_new_stream(stream_id, allowed_ids)
        stream.__class__ = _Stream
        return stream


class Session:
    """One connection. `receive` is given octets and answers News; `pump` and `take` answer octets to send."""

    __slots__ = (
        "_asked",
        "_blocked",
        "_boxes",
        "_h2",
        "_in_order",
        "_left",
        "_limits",
        "_out",
        "_reader",
        "_resets",
        "_streams",
        "_unread",
        "frames",
        "is_client",
    )

    def __init__(self, limits: Http2Limits, clock: Callable[[], float], *, client: bool) -> None:
        """Begin: what is to be said first is there to `take`. `clock` gives monotonic seconds."""
        self._limits = limits
        self.is_client = client
        self._reader = FrameReader(limits, clock, b"" if client else PREFACE)
        self._resets = Budget(limits.resets, clock)
        # What both sides have not ended, the peer's streams at a server, ours at a client.
        self._streams: set[int] = set()
        self._left: dict[int, int] = {}
        self._unread: dict[int, int] = {}
        self._boxes: dict[int, _Outbox] = {}
        self._in_order: deque[int] = deque()
        self._blocked: set[int] = set()
        self._asked = False
        self.frames = 0  # how many came
        self._h2 = _Connection(
            H2Configuration(
                client_side=client,
                header_encoding=None,
                validate_inbound_headers=False,
                normalize_inbound_headers=False,
                validate_outbound_headers=False,
                normalize_outbound_headers=False,
            )
        )
        self._begin()

    def _begin(self) -> None:
        limits, h2 = self._limits, self._h2
        window = max(limits.buffer, _FIRST_WINDOW)
        said = {
            SettingCodes.ENABLE_PUSH: 0,
            SettingCodes.INITIAL_WINDOW_SIZE: window,
            SettingCodes.MAX_HEADER_LIST_SIZE: limits.head,
        }
        h2.local_settings = Settings(client=self.is_client, initial_values=said)
        h2.decoder.max_header_list_size = limits.block
        h2.initiate_connection()
        h2.clear_outbound_data_buffer()
        if not self.is_client:
            h2.receive_data(PREFACE)
            # h2 is not told: it would end the connection, and a client may not have read this yet.
            said[SettingCodes.MAX_CONCURRENT_STREAMS] = limits.streams
            del said[SettingCodes.ENABLE_PUSH]
        frame = SettingsFrame(0)
        frame.settings = {int(code): value for code, value in said.items()}
        first = PREFACE if self.is_client else b""
        if limits.window > _FIRST_WINDOW:
            h2.increment_flow_control_window(limits.window - _FIRST_WINDOW)
        self._out = first + frame.serialize()

    # --- receiving ------------------------------------------------------------------------------------------

    def receive(self, octets: bytes) -> Iterator[News]:
        """Yield what the octets mean. Raises Broken, after which `take` has the last word."""
        self._reader.feed(octets)
        while True:
            try:
                frame = self._reader.next()
                if frame is None:
                    return
                self.frames += 1
                if frame.kind == GOAWAY:
                    yield _leaving(frame)
                    continue
                if frame.kind > CONTINUATION:  # what nobody knows is to be ignored: RFC 9113 §5.5
                    continue
                if frame.kind == RST_STREAM:
                    self._check_reset(frame.stream)
                events = self._h2.receive_data(frame.octets)
            except Broken as broken:
                self.goaway(broken.code)
                raise
            except ProtocolError as error:
                raise self._broken(error) from None
            for event in events:
                yield from self._read(event)

    def _check_reset(self, stream: int) -> None:
        """Raise Broken for a stream that nobody opened (RFC 9113 §6.4); h2 would not mind."""
        h2 = self._h2
        is_ours = stream % 2 == self.is_client
        if stream > (h2.highest_outbound_stream_id if is_ours else h2.highest_inbound_stream_id):
            raise Broken("http2_error", PROTOCOL_ERROR, "RST_STREAM on an idle stream")

    def _broken(self, error: ProtocolError) -> Broken:
        """Return why the connection cannot go on; the GOAWAY that h2 has written is made to say the same."""
        if isinstance(error, DenialOfServiceError):
            return Broken("hpack_bomb", ENHANCE_YOUR_CALM)
        code = int(error.error_code)
        if isinstance(error.__cause__, HPACKError):  # RFC 9113 §4.3
            self._out = self.take()[:-_GOAWAY_SIZE]
            code = COMPRESSION_ERROR
            self.goaway(code)
        return Broken("http2_error", code, str(error))

    def _read(self, event: Event) -> Iterator[News]:
        if isinstance(event, DataReceived):
            yield from self._read_data(event)
        elif isinstance(event, RequestReceived):
            yield from self._open(event)
        elif isinstance(event, ResponseReceived):
            yield self._head(event)
        elif isinstance(event, InformationalResponseReceived):
            yield Interim(event.stream_id, event.headers)
        elif isinstance(event, TrailersReceived):
            if event.stream_id in self._streams:
                yield self._ended(event.stream_id, event.headers)
        elif isinstance(event, StreamEnded):
            pass  # told with the event that it came with
        elif isinstance(event, StreamReset):
            if self._forget(event.stream_id):
                self._spend_reset()
                yield Gone(event.stream_id, int(event.error_code))
        elif isinstance(event, WindowUpdated):
            self._unblock(event.stream_id)
        elif isinstance(event, RemoteSettingsChanged):
            encoder = self._h2.encoder
            if encoder.header_table_size > _TABLE:  # the peer may offer any size, but the table is kept here
                encoder.header_table_size = _TABLE
            self._unblock(0)
            yield Told()
        elif isinstance(event, PingAckReceived) and self._asked:
            self._asked = False
            yield Answered()

    def _open(self, event: RequestReceived) -> Iterator[News]:
        stream = event.stream_id
        if len(self._streams) >= self._limits.streams:
            self._spend_reset("too_many_streams")
            self._h2.reset_stream(stream, REFUSED_STREAM)
            return
        self._streams.add(stream)
        yield self._head(event)

    def _head(self, event: RequestReceived | ResponseReceived) -> Head:
        stream = event.stream_id
        return Head(stream, event.headers, event.stream_ended is not None)

    def expect(self, stream: int, length: int) -> None:
        """Say how long the body will be that comes on a stream, as its head tells."""
        self._left[stream] = length

    def _read_data(self, event: DataReceived) -> Iterator[News]:
        stream, data = event.stream_id, event.data
        cost = event.flow_controlled_length
        if stream not in self._streams:
            self._acknowledge(stream, cost)
            return
        left = self._left.get(stream)
        ended = event.stream_ended is not None
        if left is not None:
            left = self._left[stream] = left - len(data)
            if left < 0 or (ended and left):
                self._acknowledge(stream, cost)
                self._spend_reset()
                yield Wrong(stream, "bad_content_length")
                return
        if cost:
            self._unread[stream] = self._unread.get(stream, 0) + cost
            yield Piece(stream, data, cost)
        if ended:
            yield self._ended(stream, [])

    def _ended(self, stream: int, fields: list[Line]) -> Ended | Wrong:
        if self._left.pop(stream, 0):
            self._spend_reset()
            return Wrong(stream, "bad_content_length")
        return Ended(stream, fields)

    def consumed(self, stream: int, cost: int) -> None:
        """Let the peer send as much again."""
        unread = self._unread.get(stream)
        if unread is not None:  # else all of it was given back when the stream ended
            self._unread[stream] = unread - cost
            self._acknowledge(stream, cost)

    def _acknowledge(self, stream: int, cost: int) -> None:
        if cost:
            self._h2.acknowledge_received_data(cost, stream)

    def _spend_reset(self, reason: str = "rapid_reset") -> None:
        """Count a stream that ended for what the client did: CVE-2023-44487, CVE-2025-8671."""
        if self.is_client:
            return
        try:
            self._resets.spend(reason)
        except Broken as broken:
            self.goaway(broken.code)
            raise

    # --- sending --------------------------------------------------------------------------------------------

    @property
    def room(self) -> int:
        """How many streams the peer still takes."""
        if self._h2.highest_outbound_stream_id >= _LAST_ID:
            return 0
        limit = min(self._h2.remote_settings.max_concurrent_streams, self._limits.streams)
        return max(0, limit - len(self._streams))

    def open(self) -> int:
        """Return the number of a new stream, for a request; there is `room` for it."""
        stream = self._h2.get_next_available_stream_id()
        self._streams.add(stream)
        return stream

    def send_fields(self, stream: int, fields: list[Line], *, end: bool = False) -> None:
        """Send a head, interim or not; with `end`, nothing follows."""
        if stream in self._streams:
            self._h2.send_headers(stream, fields, end_stream=end)

    def send_data(self, stream: int, data: bytes | memoryview) -> None:
        """Queue a piece of a body."""
        if data and stream in self._streams:
            box = self._box(stream)
            box.pieces.append(data)
            box.size += len(data)

    def send_end(self, stream: int, trailers: Sequence[Line] = ()) -> None:
        """Queue the end of a message."""
        if stream in self._streams:
            self._box(stream).end = trailers

    def _box(self, stream: int) -> _Outbox:
        box = self._boxes.get(stream)
        if box is None:
            box = self._boxes[stream] = _Outbox()
        if not box.is_queued and stream not in self._blocked:
            box.is_queued = True
            self._in_order.append(stream)
        return box

    def waiting(self, stream: int) -> int:
        """How many octets wait to be sent on a stream."""
        box = self._boxes.get(stream)
        return box.size if box is not None else 0

    def is_sent(self, stream: int) -> bool:
        """Whether nothing is left to be sent on a stream."""
        return stream not in self._boxes

    def pump(self, room: int) -> set[int]:
        """Make frames of what waits, of `room` octets or little more; return the streams that got on."""
        moved: set[int] = set()
        order = self._in_order
        while order and room > 0:
            stream = order.popleft()
            box = self._boxes.get(stream)
            if box is None:
                continue
            box.is_queued = False
            sent = self._send_frame(stream, box)
            if sent < 0:
                self._blocked.add(stream)
                continue
            room -= sent
            moved.add(stream)
            if not box.pieces and box.end is None:
                del self._boxes[stream]
            elif box.pieces or box.end is not None:
                box.is_queued = True
                order.append(stream)
        return moved

    def _send_frame(self, stream: int, box: _Outbox) -> int:
        """Send what one frame carries; return how many octets, -1 if the windows are closed."""
        h2, pieces = self._h2, box.pieces
        if not pieces:
            trailers, box.end = box.end, None
            if trailers:
                h2.send_headers(stream, trailers, end_stream=True)
            else:
                h2.end_stream(stream)
            return 0
        size = min(h2.local_flow_control_window(stream), h2.max_outbound_frame_size, _LARGEST_SENT)
        if size <= 0:
            return -1
        piece = pieces[0]
        if len(piece) <= size:
            pieces.popleft()
            self._reader.control.earn()
        else:
            if size >= _WORTH:  # else the peer opens its window by a few octets at a time (CVE-2019-9511)
                self._reader.control.earn()
            rest = memoryview(piece)
            piece, pieces[0] = rest[:size], rest[size:]
        box.size -= len(piece)
        last = not pieces and box.end is not None and not box.end
        if last:
            box.end = None
        h2.send_data(stream, piece, end_stream=last)
        return len(piece)

    def _unblock(self, stream: int) -> None:
        if not stream:
            opened, self._blocked = self._blocked, set()
        elif stream in self._blocked:
            self._blocked.discard(stream)
            opened = {stream}
        else:
            return
        for each in sorted(opened):
            box = self._boxes.get(each)
            if box is not None and not box.is_queued:
                box.is_queued = True
                self._in_order.append(each)

    def close(self, stream: int, code: int) -> None:
        """Forget a stream; the peer is told (RST_STREAM) unless both sides have ended it."""
        self._forget(stream)
        known = self._h2.streams.get(stream)
        if known is not None and not known.closed:
            self._h2.reset_stream(stream, code)

    def _forget(self, stream: int) -> bool:
        """Forget what is known of a stream; False if nothing was."""
        self._boxes.pop(stream, None)
        self._left.pop(stream, None)
        # What nobody reads any more counts in the window of the connection.
        self._acknowledge(stream, self._unread.pop(stream, 0))
        self._blocked.discard(stream)
        if stream not in self._streams:
            return False
        self._streams.discard(stream)
        return True

    def goaway(self, code: int = NO_ERROR, last: int | None = None) -> None:
        """Say that no streams above `last` are taken; by default none that has not come."""
        if last is None:
            last = self._h2.highest_inbound_stream_id
        frame = GoAwayFrame(0, last_stream_id=last, error_code=code)
        self._out = self.take() + frame.serialize()

    def goaway_soon(self) -> None:
        """Ask for no more streams; those on their way are still taken until the answer comes (Answered)."""
        self.goaway(NO_ERROR, _ANY_STREAM)
        self.ping()

    def ping(self) -> None:
        """Ask for an answer."""
        self._asked = True
        self._h2.ping(b"policyc\0")

    def take(self) -> bytes:
        """Return the octets that are to be sent now."""
        octets = self._h2.data_to_send()
        if self._out:
            octets, self._out = self._out + octets, b""
        return octets

    # --- what the timers want to know -----------------------------------------------------------------------

    @property
    def is_within(self) -> bool:
        """Whether something began that the peer has to complete: a frame, a head, the preface."""
        return self._reader.is_within

    @property
    def partial(self) -> tuple[int, int]:
        """The stream of a frame of DATA that has not ended, and how much of it came."""
        return self._reader.partial


def _leaving(frame: Frame) -> Leaving:
    octets = frame.octets
    if len(octets) < 17:
        raise Broken("http2_error", FRAME_SIZE_ERROR, "GOAWAY is too short")
    if frame.stream:
        raise Broken("http2_error", PROTOCOL_ERROR, "GOAWAY on a stream")
    return Leaving(int.from_bytes(octets[9:13]) & 0x7FFFFFFF, int.from_bytes(octets[13:17]))
