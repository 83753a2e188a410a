"""Writes that wait for the end of a turn of the loop, and their order."""

from __future__ import annotations

import asyncio

from policyc.runtime.transport.outbox import Outbox


class Wire(asyncio.Transport):
    """A transport that says what was done with it."""

    def __init__(self, name: str, said: list[str]) -> None:
        super().__init__()
        self._name = name
        self._said = said
        self._is_closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._said.append(f"{self._name} {bytes(data).decode()}")

    def close(self) -> None:
        self._is_closing = True
        self._said.append(f"{self._name} closed")

    def is_closing(self) -> bool:
        return self._is_closing


def test_writes_come_after_all_that_was_heard_in_a_turn() -> None:
    async def scenario() -> None:
        said: list[str] = []
        outbox, wires = Outbox(), [Wire(name, said) for name in "ab"]

        def heard(number: int) -> None:
            said.append(f"heard {number}")
            outbox.write(wires[number % 2], b"%d" % number)

        loop = asyncio.get_running_loop()
        for number in range(3):
            loop.call_soon(heard, number)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert said == ["heard 0", "heard 1", "heard 2", "a 0", "b 1", "a 2"]

    asyncio.run(scenario())


def test_what_waits_can_be_written_at_once_and_is_written_once() -> None:
    async def scenario() -> None:
        said: list[str] = []
        outbox, wire = Outbox(), Wire("a", said)
        outbox.write(wire, b"1")
        outbox.flush()
        wire.write(b"2")
        await asyncio.sleep(0)
        assert said == ["a 1", "a 2"]
        outbox.write(wire, b"3")
        await asyncio.sleep(0)
        assert said == ["a 1", "a 2", "a 3"]

    asyncio.run(scenario())


def test_close_comes_after_what_is_to_be_written_and_nothing_after_it() -> None:
    async def scenario() -> None:
        said: list[str] = []
        outbox, wire = Outbox(), Wire("a", said)
        outbox.write(wire, b"1")
        outbox.close(wire)
        outbox.write(wire, b"2")
        await asyncio.sleep(0)
        assert said == ["a 1", "a closed"]

    asyncio.run(scenario())


def test_a_close_does_not_wait_for_a_write() -> None:
    async def scenario() -> None:
        said: list[str] = []
        outbox, wires = Outbox(), [Wire(name, said) for name in "ab"]
        outbox.close(wires[0])
        outbox.write(wires[1], b"1")
        await asyncio.sleep(0)
        assert said == ["a closed", "b 1"]
        outbox.close(wires[1])
        await asyncio.sleep(0)
        assert said == ["a closed", "b 1", "b closed"]

    asyncio.run(scenario())
