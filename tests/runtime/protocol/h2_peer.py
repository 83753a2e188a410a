"""The other side of an HTTP/2 connection, for tests: the h2 library, which says what it is told to."""

from __future__ import annotations

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    DataReceived,
    Event,
    InformationalResponseReceived,
    RequestReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.settings import SettingCodes, Settings

Line = tuple[bytes, bytes]
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def request(
    *more: Line, method: bytes = b"GET", path: bytes = b"/", host: bytes = b"a.example"
) -> list[Line]:
    """Return the fields of a request."""
    return [(b":method", method), (b":scheme", b"https"), (b":authority", host), (b":path", path), *more]


class Peer:
    """Collects what it hears, by stream; `taken` octets are to be sent."""

    def __init__(self, *, client: bool = True, opens: bool = True, streams: int | None = None) -> None:
        """With `opens`, windows are opened again as data comes; `streams` is how many it takes at a time."""
        self.h2 = H2Connection(
            H2Configuration(
                client_side=client,
                header_encoding=None,
                validate_outbound_headers=False,
                normalize_outbound_headers=False,
                validate_inbound_headers=True,
            )
        )
        self.opens = opens
        if streams is not None:
            self.h2.local_settings = Settings(
                client=client, initial_values={SettingCodes.MAX_CONCURRENT_STREAMS: streams}
            )
        self.h2.initiate_connection()
        self.fields: dict[int, list[Line]] = {}
        self.interim: dict[int, list[list[Line]]] = {}
        self.bodies: dict[int, bytes] = {}
        self.trailers: dict[int, list[Line]] = {}
        self.ended: set[int] = set()
        self.resets: dict[int, int] = {}
        self.goaways: list[tuple[int, int]] = []
        self.requests: list[int] = []
        self._octets = b""
        self._preface = b"" if client else PREFACE

    def ask(self, fields: list[Line], *, body: bytes | None = None, end: bool = True) -> int:
        """Send a request and return its stream."""
        stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, fields, end_stream=end and body is None)
        if body is not None:
            self.h2.send_data(stream, body, end_stream=end)
        return stream

    def take(self) -> bytes:
        """Return what is to be sent."""
        return self.h2.data_to_send()

    def hear(self, octets: bytes) -> None:
        """Take what the other side sent. h2 hears no GOAWAY: it would forget what is under way."""
        self._octets += octets
        if self._preface:
            if len(self._octets) < len(PREFACE):
                return
            self.h2.receive_data(PREFACE)
            self._octets, self._preface = self._octets[len(PREFACE) :], b""
        while len(self._octets) >= 9 and len(self._octets) >= (size := int.from_bytes(self._octets[:3]) + 9):
            frame, self._octets = self._octets[:size], self._octets[size:]
            if frame[3] == 7:
                self.goaways.append((int.from_bytes(frame[13:17]), int.from_bytes(frame[9:13])))
                continue
            for event in self.h2.receive_data(frame):
                self._hear(event)

    def _hear(self, event: Event) -> None:
        if isinstance(event, RequestReceived):
            self.requests.append(event.stream_id)
            self.fields[event.stream_id] = event.headers
        elif isinstance(event, ResponseReceived):
            self.fields[event.stream_id] = event.headers
        elif isinstance(event, InformationalResponseReceived):
            self.interim.setdefault(event.stream_id, []).append(event.headers)
        elif isinstance(event, DataReceived):
            self.bodies[event.stream_id] = self.bodies.get(event.stream_id, b"") + event.data
            if self.opens and event.flow_controlled_length:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, TrailersReceived):
            self.trailers[event.stream_id] = event.headers
        elif isinstance(event, StreamEnded):
            self.ended.add(event.stream_id)
        elif isinstance(event, StreamReset):
            self.resets[event.stream_id] = int(event.error_code or 0)

    def status(self, stream: int) -> int:
        """Return the status of a response, 0 while there is none."""
        return int(dict(self.fields[stream])[b":status"]) if stream in self.fields else 0

    def get(self, stream: int, name: bytes) -> list[bytes]:
        """Return the values of a field."""
        return [value for known, value in self.fields[stream] if known == name]
