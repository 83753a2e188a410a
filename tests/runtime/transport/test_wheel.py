"""The wheel: late by at most two ticks, never early; moving a deadline out is free."""

from __future__ import annotations

import weakref

import pytest

from policyc.runtime.transport.wheel import TICK_S, Timed, Wheel


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Entry(Timed):
    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self.at: list[float] = []

    def expired(self) -> None:
        self.at.append(self.clock.now)


def turn_until(wheel: Wheel, clock: Clock, moment: float) -> None:
    while clock.now < moment:
        clock.now += TICK_S
        wheel.turn()


def test_deadline_is_kept() -> None:
    clock = Clock()
    wheel = Wheel(clock=clock)
    entry = Entry(clock)
    wheel.set(entry, 1.1)
    turn_until(wheel, clock, 103)
    assert len(entry.at) == 1
    assert 101.1 <= entry.at[0] <= 101.1 + 2 * TICK_S


def test_later_deadline_replaces_an_earlier_one() -> None:
    clock = Clock()
    wheel = Wheel(clock=clock)
    entry = Entry(clock)
    wheel.set(entry, 0.3)
    for _ in range(20):
        clock.now += TICK_S
        wheel.set(entry, 1.0)
        wheel.turn()
    assert entry.at == []
    turn_until(wheel, clock, 110)
    assert len(entry.at) == 1


def test_earlier_deadline_replaces_a_later_one() -> None:
    clock = Clock()
    wheel = Wheel(clock=clock)
    entry = Entry(clock)
    wheel.set(entry, 60)
    wheel.set(entry, 1)
    turn_until(wheel, clock, 102)
    assert len(entry.at) == 1
    turn_until(wheel, clock, 170)
    assert len(entry.at) == 1


def test_forgotten_entry_does_not_expire_and_can_be_set_again() -> None:
    clock = Clock()
    wheel = Wheel(clock=clock)
    entry = Entry(clock)
    wheel.set(entry, 1)
    wheel.forget(entry)
    turn_until(wheel, clock, 102)
    assert entry.at == []
    wheel.set(entry, 0.1)
    turn_until(wheel, clock, 103)
    assert len(entry.at) == 1


def test_removed_entry_is_not_held() -> None:
    clock = Clock()
    wheel = Wheel(clock=clock)
    entry = Entry(clock)
    gone = weakref.ref(entry)
    wheel.set(entry, 60)
    wheel.remove(entry)
    del entry
    assert gone() is None


def test_entry_may_set_itself_while_it_expires() -> None:
    clock = Clock()
    wheel = Wheel(clock=clock)

    class Again(Entry):
        def expired(self) -> None:
            super().expired()
            wheel.set(self, 0.0)

    entry = Again(clock)
    wheel.set(entry, 0.5)
    turn_until(wheel, clock, 103)
    assert 3 <= len(entry.at) <= 11


def test_one_that_fails_takes_no_other_with_it(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    wheel = Wheel(clock=clock)

    class Broken(Entry):
        def expired(self) -> None:
            raise ZeroDivisionError

    entries = [Entry(clock) for _ in range(20)]
    for entry in (*entries[:10], Broken(clock), *entries[10:]):
        wheel.set(entry, 1.0)
    turn_until(wheel, clock, 102)
    assert all(len(entry.at) == 1 for entry in entries)
    assert "a time-out failed" in caplog.text


def test_clock_that_jumps_loses_nothing() -> None:
    clock = Clock()
    wheel = Wheel(clock=clock)
    entries = [Entry(clock) for _ in range(10)]
    for n, entry in enumerate(entries):
        wheel.set(entry, n)
    clock.now += 1000
    wheel.turn()
    assert all(len(entry.at) == 1 for entry in entries)


def test_tick_is_told() -> None:
    ticks = []
    wheel = Wheel(lambda: ticks.append(1), Clock())
    wheel.turn()
    wheel.turn()
    assert len(ticks) == 2
