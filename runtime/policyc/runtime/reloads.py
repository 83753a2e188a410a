"""Which configuration is served, since when, and how the attempts to change it went."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from policyc.grammar.limits import LIMITS

if TYPE_CHECKING:
    from policyc.runtime.metrics import Samples


class Reloads:
    """Counts reloads; one that failed leaves digest and time as they were."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """Nothing is served yet. `clock` gives seconds since 1970."""
        self._clock = clock
        self._counts = {"ok": 0, "failed": 0}
        self._exceeded = {limit.name: 0 for limit in LIMITS}
        self._since = 0.0
        self.digest = ""

    def started(self, digest: str) -> None:
        """The first configuration is served."""
        self.digest, self._since = digest, self._clock()

    def succeeded(self, digest: str) -> None:
        """Another configuration is served, or the same one was read again."""
        self._counts["ok"] += 1
        self.started(digest)

    def failed(self, exceeded: tuple[str, ...] = ()) -> None:
        """One was refused; `exceeded` are the limits of policies that it was refused for."""
        self._counts["failed"] += 1
        for name in exceeded:
            self._exceeded[name] += 1

    def samples(self) -> Samples:
        """Return the metrics."""
        samples: Samples = {
            "policyc_reloads_total": {(result,): count for result, count in self._counts.items()},
            "policyc_policy_limit_hits_total": {(name,): count for name, count in self._exceeded.items()},
        }
        if self.digest:
            samples["policyc_config_info"] = {(self.digest,): 1}
            samples["policyc_config_loaded_timestamp_seconds"] = {(): self._since}
        return samples
