"""What the benchmarks share: the measured request as records, and the expressions."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from policyc.engine.traffic import Connection, EndpointInfo, Exchange, Headers, Request


class Still:
    """Services whose clock stands still and whose rate limits let everything through."""

    def now_ns(self) -> int:
        return 1_700_000_000_000_000_000

    def random_int(self, low: int, high: int) -> int:
        return low

    def random_double(self) -> float:
        return 0.5

    def secret(self, vault: str, name: str) -> str:
        return ""

    def take(self, bucket: str, capacity: int, window_s: int) -> int:
        return 0


LINES = [
    (b"host", b"api.example.test"),
    (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36"),
    (b"accept", b"*/*"),
    (b"accept-encoding", b"gzip, br"),
    (b"accept-language", b"en"),
    (b"x-api-key", b"k-123"),
    (b"x-request-id", b"9f2c"),
    (b"cookie", b"session=abc; theme=dark"),
    (b"referer", b"https://example.test/"),
    (b"cache-control", b"no-cache"),
]


@pytest.fixture
def make_exchange() -> Callable[[], Exchange]:
    """Return a function that makes the exchange of the measured request anew, nothing worked out yet."""

    def make() -> Exchange:
        request = Request("GET", "https", "api.example.test", "/api/v1/users/42?page=2", Headers(LINES))
        endpoint = EndpointInfo("https://api.example.test", "https", "api.example.test", 443)
        return Exchange(Connection("192.168.7.9", 50000, "192.168.7.1", 443), endpoint, Still(), request)

    return make
