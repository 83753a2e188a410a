"""Services of one process."""

from __future__ import annotations

import random
import time

import pytest

from policyc.engine.traffic import Services
from policyc.engine.values import EvalError
from policyc.runtime.services import LocalServices
from policyc.runtime.state import RateLimiter


def made() -> Services:
    return LocalServices(RateLimiter(lambda: 0.0), random.Random(1))


def test_clock_and_chance() -> None:
    services = made()
    assert abs(services.now_ns() - time.time_ns()) < 10**9
    assert {services.random_int(1, 2) for _ in range(50)} == {1, 2}
    assert all(0 <= services.random_double() < 1 for _ in range(50))


def test_secret_is_an_evaluation_error_never_an_empty_string() -> None:
    with pytest.raises(EvalError, match="no secret `b` in vault `a`"):
        made().secret("a", "b")


def test_buckets_are_counted() -> None:
    services = made()
    assert (services.take("a", 1, 60), services.take("a", 1, 60)) == (0, 60)
