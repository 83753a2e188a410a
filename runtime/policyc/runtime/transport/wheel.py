"""One coarse timer for every connection: a deadline costs an assignment, not a timer of its own.

An entry lies in the slot of the deadline it had when it was put there. When the slot comes round, an entry
whose deadline has moved on is put into a later one. So pushing a deadline out is free, and only pulling it
in moves it.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable

_log = logging.getLogger(__name__)

TICK_S = 0.25


class Timed:
    """Something with a deadline; None means that nothing is awaited."""

    __slots__ = ("deadline", "lies_from", "slot")

    def __init__(self) -> None:
        """Begin without a deadline."""
        self.deadline: float | None = None
        self.slot = -1
        self.lies_from = math.inf

    def expired(self) -> None:
        """Do what the deadline was for."""
        raise NotImplementedError


class Wheel:
    """Calls `expired` of what passed its deadline, at most two ticks late; and `on_tick` each time."""

    def __init__(
        self, on_tick: Callable[[], None] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`clock` gives monotonic seconds."""
        self.clock = clock
        self._on_tick = on_tick
        self._slots: dict[int, set[Timed]] = {}
        self._turned = self._slot_of(clock())
        self._handle: asyncio.TimerHandle | None = None

    @staticmethod
    def _slot_of(moment: float) -> int:
        return math.ceil(moment / TICK_S)

    def set(self, timed: Timed, seconds: float) -> None:
        """Let `timed` expire in so many seconds, in place of what it awaited before."""
        self.set_at(timed, self.clock() + seconds)

    def set_at(self, timed: Timed, deadline: float) -> None:
        """Let `timed` expire at this time of the clock."""
        timed.deadline = deadline
        if deadline <= timed.lies_from:  # else it lies early enough already
            self._put(timed, self._slot_of(deadline))

    def forget(self, timed: Timed) -> None:
        """Await nothing any more."""
        timed.deadline = None  # it stays in its slot, and is let go when that comes round

    def remove(self, timed: Timed) -> None:
        """Forget `timed` and let go of it at once: it is not used any more."""
        timed.deadline = None
        if timed.slot >= 0:
            there = self._slots.get(timed.slot)
            if there is not None:
                there.discard(timed)
            timed.slot = -1
            timed.lies_from = math.inf

    def _put(self, timed: Timed, slot: int) -> None:
        slots = self._slots
        if timed.slot >= 0:
            slots.get(timed.slot, set()).discard(timed)
        # Invariant: nothing lies in a slot that the wheel has passed; it would never come round.
        if slot < self._turned:
            slot = self._turned
        timed.slot = slot
        timed.lies_from = (slot - 1) * TICK_S
        there = slots.get(slot)
        if there is None:
            slots[slot] = {timed}
        else:
            there.add(timed)

    def turn(self) -> None:
        """Let everything expire whose deadline has passed."""
        now = self.clock()
        upto = int(now // TICK_S)
        slots = range(self._turned, upto + 1)
        self._turned = upto + 1
        for slot in slots:
            for timed in self._slots.pop(slot, ()):
                timed.slot = -1
                timed.lies_from = math.inf
                deadline = timed.deadline
                if deadline is None:
                    continue
                if deadline <= now:
                    timed.deadline = None
                    try:
                        timed.expired()
                    except Exception:  # the others of this turn would be waited for for ever
                        _log.exception("a time-out failed")
                else:
                    self._put(timed, self._slot_of(deadline))
        if self._on_tick is not None:
            self._on_tick()

    def start(self) -> None:
        """Turn by itself on the running loop until `stop`."""
        self._handle = asyncio.get_running_loop().call_later(TICK_S, self._tick)

    def _tick(self) -> None:
        self._handle = asyncio.get_running_loop().call_later(TICK_S, self._tick)
        self.turn()

    def stop(self) -> None:
        """Turn no more."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
