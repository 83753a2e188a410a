"""What policies need from outside, as this process has it: clock, chance, secrets, rate limits."""

from __future__ import annotations

import random
import time

from policyc.engine.values import EvalError
from policyc.runtime.state import RateLimiter


class LocalServices:
    """`engine.traffic.Services` for one process."""

    def __init__(self, limiter: RateLimiter, chance: random.Random | None = None) -> None:
        """`chance` is for functions of policies, which are not for secrets."""
        self._limiter = limiter
        self._chance = chance or random.Random()  # noqa: S311

    def now_ns(self) -> int:
        """Wall clock, nanoseconds since 1970."""
        return time.time_ns()

    def random_int(self, low: int, high: int) -> int:
        """Return a random integer, both ends included."""
        return self._chance.randint(low, high)

    def random_double(self) -> float:
        """Return a random double in [0, 1)."""
        return self._chance.random()

    def secret(self, vault: str, name: str) -> str:
        """Raise EvalError: there is no store of secrets yet."""
        raise EvalError("no_such_secret", f"no secret `{name}` in vault `{vault}`: this gateway has no store")

    def take(self, bucket: str, capacity: int, window_s: int) -> int:
        """Count a request in a rate-limit bucket."""
        return self._limiter.take(bucket, capacity, window_s)
