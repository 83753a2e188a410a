from __future__ import annotations

import errno
import socket

import pytest

from policyc.runtime.transport.reservation import Place, Reservation

pytestmark = pytest.mark.e2e

ANY = Place("http", "127.0.0.1", 0)


def shared(port: int) -> socket.socket:
    """Return a socket that listens as a worker's does."""
    return socket.create_server(("127.0.0.1", port), reuse_port=True)


def test_a_port_that_is_chosen_stays_and_workers_share_it() -> None:
    reserved = Reservation()
    port = reserved.take(ANY)
    assert reserved.take(ANY) == port
    assert reserved.take(Place("tls", "127.0.0.1", 0)) != port
    with shared(port), shared(port), socket.create_connection(("127.0.0.1", port)):
        pass  # whoever keeps the port gets no connection
    reserved.close()
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_a_port_where_somebody_listens_is_refused_even_if_it_could_be_shared() -> None:
    for reuse_port in (False, True):
        with socket.create_server(("127.0.0.1", 0), reuse_port=reuse_port) as other:
            reserved = Reservation()
            with pytest.raises(OSError, match="in use") as caught:
                reserved.take(Place("http", "127.0.0.1", other.getsockname()[1]))
            assert caught.value.errno == errno.EADDRINUSE
            reserved.close()


def test_what_is_not_needed_any_more_is_let_go() -> None:
    reserved = Reservation()
    other = Place("tcp", "127.0.0.1", 0)
    port, let_go = reserved.take(ANY), reserved.take(other)
    reserved.keep_only([ANY])
    with socket.create_server(("127.0.0.1", let_go)):
        assert reserved.take(ANY) == port
    reserved.close()


def test_every_address_of_a_name_gets_the_same_port(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.2", 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    reserved = Reservation()
    port = reserved.take(ANY)
    for host in ("127.0.0.1", "127.0.0.2"):
        with socket.socket() as sock, pytest.raises(OSError, match="in use"):
            sock.bind((host, port))
    reserved.close()
