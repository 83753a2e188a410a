"""Rate-limit buckets: the window slides in slices of ten seconds, and the table does not grow."""

from __future__ import annotations

from policyc.runtime.state import RateLimiter


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_capacity_is_let_through_and_no_more() -> None:
    limiter = RateLimiter(Clock())
    assert [limiter.take("a", 3, 60) for _ in range(3)] == [0, 0, 0]
    assert limiter.take("a", 3, 60) == 60
    assert limiter.take("b", 3, 60) == 0


def test_refused_requests_do_not_count() -> None:
    clock = Clock()
    limiter = RateLimiter(clock)
    limiter.take("a", 1, 60)
    for second in range(59):
        clock.now = 1000.0 + second
        assert limiter.take("a", 1, 60) == 60 - second
    clock.now = 1060.0
    assert limiter.take("a", 1, 60) == 0


def test_wait_is_until_enough_slices_expire() -> None:
    clock = Clock()
    limiter = RateLimiter(clock)
    limiter.take("a", 3, 60)  # slice 1000
    clock.now = 1015.0
    limiter.take("a", 3, 60)
    limiter.take("a", 3, 60)  # slice 1010
    clock.now = 1055.5
    assert limiter.take("a", 3, 60) == 5
    clock.now = 1060.0
    assert limiter.take("a", 3, 60) == 0
    assert limiter.take("a", 3, 60) == 10
    assert limiter.take("a", 2, 60) == 10
    assert limiter.take("a", 1, 60) == 60


def test_wait_is_at_least_a_second() -> None:
    clock = Clock()
    limiter = RateLimiter(clock)
    limiter.take("a", 1, 60)
    clock.now = 1059.9
    assert limiter.take("a", 1, 60) == 1


def test_least_recently_used_bucket_goes_and_a_hot_one_stays() -> None:
    limiter = RateLimiter(Clock(), buckets_limit=10)
    assert limiter.take("hot", 1, 60) == 0
    for n in range(100):
        limiter.take(f"cold {n}", 1, 60)
        assert limiter.take("hot", 1, 60) > 0
    assert len(limiter) == 10
    assert limiter.evictions == 91
