"""llhttp asked one question: are these octets exactly one message? For messages that arrive in one piece.

Nothing of a whole message stays in a parser, so one serves every connection: none has to be made for a
connection or for a response.
"""

from __future__ import annotations

from typing import Final

import httptools


class WholeMessages:
    """A parser that is shared by all connections of a process."""

    __slots__ = ("_feed", "_requests", "messages")

    def __init__(self, requests: bool) -> None:
        """Judge requests, or responses to anything but HEAD."""
        self._requests = requests
        self._renew()

    def _renew(self) -> None:
        made = httptools.HttpRequestParser(self) if self._requests else httptools.HttpResponseParser(self)
        self._feed = made.feed_data
        self.messages = 0

    def on_message_complete(self) -> None:
        """Count; llhttp calls this."""
        self.messages += 1

    def is_one(self, octets: bytes, last: bool = False) -> bool:
        """Whether llhttp accepts the octets as one whole message; `last`: it says that none follows."""
        self.messages = 0
        try:
            self._feed(octets)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._renew()
            return False
        if self.messages != 1 or last:
            one = self.messages == 1
            self._renew()
            return one
        return True


REQUESTS: Final = WholeMessages(requests=True)
RESPONSES: Final = WholeMessages(requests=False)
