"""What outlives a request: rate-limit buckets, in a table of fixed size, with a clock handed in.

A bucket counts what it let through in slices of ten seconds (spec/actions.md §3.12: the granularity that the
window's multiple of ten points to). A refused request does not count.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

SLICE_S = 10


class _Bucket:
    __slots__ = ("slices", "total")

    def __init__(self) -> None:
        self.slices: dict[int, int] = {}
        self.total = 0


class RateLimiter:
    """Sliding windows by bucket name; the least recently used bucket goes when the table is full."""

    def __init__(self, clock: Callable[[], float], buckets_limit: int = 100_000) -> None:
        """`clock` gives monotonic seconds."""
        self._clock = clock
        self._limit = buckets_limit
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self.evictions = 0

    def __len__(self) -> int:
        """How many buckets are kept."""
        return len(self._buckets)

    def take(self, bucket: str, capacity: int, window_s: int) -> int:
        """Count a request: 0 if it is let through, else whole seconds (at least 1) until one may be.

        The window ends now and begins `window_s` ago, rounded to whole slices: what a slice counted expires
        as soon as the slice begins before the window, so that nobody waits longer than one window.
        """
        now = self._clock()
        current = int(now // SLICE_S)
        kept = self._buckets.get(bucket)
        if kept is None:
            kept = self._buckets[bucket] = _Bucket()
            if len(self._buckets) > self._limit:
                self._buckets.popitem(last=False)
                self.evictions += 1
        else:
            self._buckets.move_to_end(bucket)
        slices = kept.slices
        oldest = current - max(1, window_s // SLICE_S)
        while slices:
            first = next(iter(slices))
            if first > oldest:
                break
            kept.total -= slices.pop(first)
        if kept.total < capacity:
            slices[current] = slices.get(current, 0) + 1
            kept.total += 1
            return 0
        return self._wait(kept, capacity, window_s, now)

    @staticmethod
    def _wait(kept: _Bucket, capacity: int, window_s: int, now: float) -> int:
        excess = kept.total - capacity + 1
        for each, count in kept.slices.items():
            excess -= count
            if excess <= 0:
                left = (each + max(1, window_s // SLICE_S)) * SLICE_S - now
                return max(1, -int(-left // 1))
        return max(1, window_s)
