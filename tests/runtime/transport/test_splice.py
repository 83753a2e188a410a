"""Splices between real sockets, whose transports only note what is done with them."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import socket
import sys
from collections.abc import Coroutine
from typing import Any, cast

import pytest
import uvloop

from policyc.runtime.process import open_descriptors
from policyc.runtime.transport import splice as module
from policyc.runtime.transport.splice import PIPES, Pipes, Splice

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux splices")

LARGE = 3 << 20


def run(scenario: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(10):
            await scenario

    uvloop.run(bounded())


class Wire:
    """One end of a connection that has a transport, and its peer."""

    def __init__(self) -> None:
        listening = socket.create_server(("127.0.0.1", 0))
        self.peer = socket.create_connection(listening.getsockname())
        self.sock, _ = listening.accept()
        listening.close()
        self.peer.setblocking(False)
        self.sock.setblocking(False)
        self.done: list[str] = []
        self.buffered = 0
        self.context: object = None

    def get_extra_info(self, name: str) -> object:
        return {"socket": self.sock, "sslcontext": self.context}[name]

    def get_write_buffer_size(self) -> int:
        return self.buffered

    def is_closing(self) -> bool:
        return "abort" in self.done

    def pause_reading(self) -> None:
        self.done.append("pause_reading")

    def abort(self) -> None:
        self.done.append("abort")

    def close(self) -> None:
        self.peer.close()
        self.sock.close()


class Scene:
    """A splice from an upstream's connection to a client's, and what it tells both of them."""

    def __init__(self, pipes: Pipes | None = None, left: int = LARGE) -> None:
        self.pipes = pipes or Pipes()
        self.upstream, self.client = Wire(), Wire()
        self.told: list[object] = []
        self.sent = 0
        self.moved = 0
        self.over = asyncio.Event()
        self.stalled = asyncio.Event()
        self.splice = Splice(self.pipes, self, cast(asyncio.Transport, self.upstream), left)

    def begin(self, *early: bytes | memoryview) -> bool:
        return self.splice.begin(self, cast(asyncio.Transport, self.client), list(early), self._sent)

    def _sent(self, count: int) -> None:
        self.sent += count

    def spliced(self, is_surplus: bool) -> None:
        self.told.append(("spliced", is_surplus))
        self.over.set()

    def splice_moved(self) -> None:
        self.moved += 1

    def splice_broken(self, error: OSError | None) -> None:
        self.told.append(("broken", error and error.errno))
        self.over.set()

    def pause_writing(self) -> None:
        self.told.append("pause")
        self.stalled.set()

    def resume_writing(self) -> None:
        self.told.append("resume")

    async def received(self, count: int) -> bytes:
        """Read so many octets as the client."""
        loop = asyncio.get_running_loop()
        octets = bytearray()
        while len(octets) < count:
            piece = await loop.sock_recv(self.client.peer, count - len(octets))
            if not piece:
                break
            octets += piece
        return bytes(octets)

    async def send(self, octets: bytes) -> None:
        """Send as the upstream."""
        await asyncio.get_running_loop().sock_sendall(self.upstream.peer, octets)

    def close(self) -> None:
        self.splice.stop()
        self.upstream.close()
        self.client.close()


def test_a_body_passes_after_what_comes_first() -> None:
    async def scenario() -> None:
        scene, body = Scene(), os.urandom(LARGE)
        assert scene.begin(b"head", memoryview(b"first"))
        assert scene.upstream.done == ["pause_reading"]
        received, _ = await asyncio.gather(scene.received(9 + LARGE), scene.send(body))
        await scene.over.wait()
        assert received == b"headfirst" + body
        assert scene.sent == LARGE
        assert scene.moved
        assert scene.told[-1] == ("spliced", False)
        scene.close()

    run(scenario())


def test_no_octet_passes_that_is_not_of_the_body() -> None:
    async def scenario() -> None:
        scene = Scene(left=5)
        await scene.send(b"01234surplus")
        assert scene.begin()
        assert scene.told == [("spliced", True)]
        assert await scene.received(5) == b"01234"
        assert scene.upstream.sock.recv(99) == b"surplus"
        scene.close()

    run(scenario())


def test_a_client_that_takes_nothing_is_waited_for_and_the_upstream_meanwhile_not_read() -> None:
    async def scenario() -> None:
        scene, body = Scene(left=64 << 20), bytes(1 << 20)
        scene.begin(b"head")
        filling = asyncio.ensure_future(scene.send(body * 64))
        await scene.stalled.wait()
        assert scene.told == ["pause"]
        assert not filling.done()
        octets = await scene.received(4 + (64 << 20))
        assert len(octets) == 4 + (64 << 20)
        await scene.over.wait()
        await filling
        told = [each for each in scene.told if isinstance(each, str)]
        assert told == ["pause", "resume"] * (len(told) // 2)
        assert scene.told[-1] == ("spliced", False)
        scene.close()

    run(scenario())


def test_what_comes_first_may_be_too_much_at_once() -> None:
    async def scenario() -> None:
        scene, first = Scene(left=5), os.urandom(32 << 20)
        await scene.send(b"01234")
        scene.begin(b"head", first)
        assert scene.told == ["pause"]
        assert await scene.received(9 + len(first)) == b"head" + first + b"01234"
        assert scene.told[-1] == ("spliced", False)
        scene.close()

    run(scenario())


def test_an_upstream_that_ends_too_early_is_told_of() -> None:
    async def scenario() -> None:
        scene = Scene()
        scene.begin()
        await scene.send(b"some")
        assert await scene.received(4) == b"some"
        scene.upstream.peer.close()
        await scene.over.wait()
        assert scene.told == [("broken", None)]
        scene.close()

    run(scenario())


def test_an_upstream_that_resets_is_told_of() -> None:
    async def scenario() -> None:
        scene = Scene()
        scene.begin()
        scene.upstream.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        scene.upstream.peer.close()
        await scene.over.wait()
        assert scene.told == [("broken", errno.ECONNRESET)]
        scene.close()

    run(scenario())


def test_a_client_that_is_gone_loses_its_transport_and_a_pipe_with_octets_is_not_used_again() -> None:
    async def scenario() -> None:
        scene = Scene()
        scene.client.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        scene.client.peer.close()
        before = open_descriptors()
        await scene.send(b"some")
        assert scene.begin()
        assert scene.client.done == ["abort"]
        assert scene.told == []
        assert open_descriptors() == before
        scene.close()

    run(scenario())


def test_an_empty_pipe_is_used_again() -> None:
    async def scenario() -> None:
        pipes = Pipes()
        levels = set()
        for _ in range(5):
            scene = Scene(pipes, left=4)
            await scene.send(b"body")
            scene.begin()
            assert scene.told == [("spliced", False)]
            scene.close()
            levels.add(open_descriptors())
        assert len(levels) == 1
        pipes.close_spare()
        assert levels == {open_descriptors() + 2}

    run(scenario())


def test_stopping_gives_all_descriptors_back_whatever_is_waited_for() -> None:
    async def scenario() -> None:
        before = open_descriptors()
        scene = Scene()
        scene.begin()  # the upstream is waited for
        scene.splice.stop()
        scene.splice.stop()
        scene.pipes.close_spare()
        scene.close()
        scene = Scene(left=64 << 20)
        scene.begin(bytes(32 << 20))  # the client is waited for
        assert scene.told == ["pause"]
        scene.splice.stop()
        scene.pipes.close_spare()
        scene.close()
        assert open_descriptors() == before

    run(scenario())


def test_nothing_is_spliced_over_tls_or_past_what_a_transport_still_has() -> None:
    async def scenario() -> None:
        for change in ("client", "upstream", "buffered"):
            scene = Scene()
            if change == "buffered":
                scene.client.buffered = 1
            else:
                getattr(scene, change).context = object()
            assert not scene.begin(b"head")
            assert scene.upstream.done == []
            assert scene.told == []
            scene.close()

    run(scenario())


def test_pipes_are_bounded() -> None:
    pipes = Pipes()
    taken = [pipes.take() for _ in range(PIPES)]
    assert None not in taken
    assert pipes.take() is None
    before = open_descriptors()
    pipes.put(cast(module.Pipe, taken[0]), is_empty=False)
    assert open_descriptors() == before - 2
    assert pipes.take() is not None
    for each in taken[1:]:
        pipes.put(cast(module.Pipe, each), is_empty=True)
    pipes.close_spare()
    assert open_descriptors() == before - 2 * (PIPES - 1)


@pytest.mark.parametrize("name", ["pipe2", "socketpair"])
def test_without_descriptors_it_is_asked_later_whether_the_system_splices(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(*given: object) -> None:
        raise OSError(errno.EMFILE, "too many open files")

    before = open_descriptors()
    pipes = Pipes()
    with monkeypatch.context() as short:
        short.setattr(os if name == "pipe2" else socket, name, none_left)
        assert pipes.take() is None
    assert open_descriptors() == before
    assert pipes.take() is not None


@pytest.mark.parametrize("name", ["pipe2", "dup"])
def test_without_descriptors_nothing_is_spliced(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        scene = Scene()
        scene.pipes.put(cast(module.Pipe, scene.pipes.take()), is_empty=True)  # it knows that it can
        scene.pipes.close_spare()
        before = open_descriptors()

        def none_left(*given: object) -> None:
            raise OSError(errno.EMFILE, "too many open files")

        with monkeypatch.context() as short:
            short.setattr(os, name, none_left)
            assert not scene.begin(b"head")
        scene.pipes.close_spare()
        assert open_descriptors() == before
        assert scene.upstream.done == []
        scene.close()

    run(scenario())


def test_where_splicing_is_forbidden_nothing_is_spliced(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*given: object, **named: object) -> int:
        raise PermissionError(errno.EPERM, "not permitted")

    before = open_descriptors()
    with monkeypatch.context() as sandbox:
        sandbox.setattr(module, "_splice", forbidden)
        pipes = Pipes()
        assert pipes.take() is None
    assert pipes.take() is None  # it is asked once
    assert open_descriptors() == before


@pytest.mark.parametrize(("pages", "usable"), [(16, True), (2, False)])
def test_a_pipe_that_may_not_be_enlarged_is_taken_if_it_is_of_use(
    pages: int, usable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = fcntl.fcntl

    def limited(number: int, command: int, *given: int) -> int:
        if command == fcntl.F_SETPIPE_SZ:
            raise PermissionError(errno.EPERM, "not permitted")
        return pages * 4096 if command == fcntl.F_GETPIPE_SZ else int(real(number, command, *given))

    monkeypatch.setattr(fcntl, "fcntl", limited)
    before = open_descriptors()
    pipes = Pipes()
    pipe = pipes.take()
    assert (pipe is not None) == usable
    if pipe is not None:
        assert pipe.size == pages * 4096
        pipes.put(pipe, is_empty=False)
    assert open_descriptors() == before
