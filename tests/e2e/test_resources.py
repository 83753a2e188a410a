"""What a system runs out of: room on the disk of a log, and file descriptors. Requests are answered on."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from tests.runtime.cli.conftest import Running, gateway

__all__ = ["gateway"]

pytestmark = pytest.mark.e2e

Start = Callable[..., Running]
REQUEST = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Holding:
    """An upstream that holds every request until it is told to answer; one thread for each connection."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.go_on = threading.Event()
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while connection.recv(65536):
                self.go_on.wait()
                connection.sendall(ANSWER)

    def close(self) -> None:
        self.go_on.set()
        # A thread that waits in accept holds the socket open; shutting it down ends the wait.
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for each in self._open:
            each.close()


@pytest.fixture
def holding() -> Iterator[Holding]:
    made = Holding()
    yield made
    made.close()


def limited(descriptors: int) -> str:
    return f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({descriptors}, {descriptors})); "


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def lines_lost(metrics: str) -> int:
    return int(metrics.partition("\npolicyc_access_log_lines_lost_total ")[2].partition("\n")[0])


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_no_descriptor_for_an_upstream_is_an_answer_and_no_busy_loop(
    gateway: Start, holding: Holding
) -> None:
    running = gateway("--upstream", holding.url, "--admin", "off", prelude=limited(64))
    host, _, port = running.url.removeprefix("http://").rpartition(":")
    at_rest = descriptors(running.process.pid)
    clients = [socket.create_connection((host, int(port))) for _ in range(60)]
    try:
        for client in clients:
            client.sendall(REQUEST)
        running.wait_for_error("upstream_unreachable|accepting pauses")
        used = cpu_seconds(running.process.pid)
        for client in clients[:5]:
            client.settimeout(0.1)  # time in which a busy loop would show
            with pytest.raises(TimeoutError):
                client.recv(1)
        assert cpu_seconds(running.process.pid) - used < 0.25
        holding.go_on.set()
        seen = set()
        for client in clients:
            client.settimeout(15)
            with contextlib.suppress(ConnectionResetError):
                seen.add(client.recv(1000)[:12])
            client.close()
        assert b"HTTP/1.1 200" in seen
        assert seen <= {b"HTTP/1.1 200", b"HTTP/1.1 502", b""}
    finally:
        for client in clients:
            client.close()
    for _ in range(3):
        assert httpx.get(running.url, headers={"host": "a.example"}, timeout=15).text == "ok"
    assert running.stop()[0] == 0
    assert at_rest < 32


def test_log_on_a_full_disk_loses_lines_and_no_request(
    gateway: Start, holding: Holding, tmp_path: Path
) -> None:
    # The system refuses to let a file grow beyond this, as a full disk would.
    full = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)); "
    holding.go_on.set()
    log = tmp_path / "access.log"
    running = gateway(
        "--upstream", holding.url, "--admin", "127.0.0.1:0", "--access-log", log, prelude=full,
        PYTHONDONTWRITEBYTECODE="1",
    )  # fmt: skip
    admin = running.wait_for(r"admin on (http://\S+)")[1]
    with httpx.Client() as client:
        for _ in range(60):
            assert client.get(running.url, headers={"host": "a.example"}).text == "ok"
        running.wait_for_error("the access log cannot be written")
        for _ in range(60):
            assert client.get(running.url, headers={"host": "a.example"}).text == "ok"
        # What was written before the disk was full is at most 60 lines; the last ones may wait to be written.
        while lines_lost(client.get(f"{admin}/metrics").text) <= 60:
            pass
    assert log.stat().st_size <= 4096
    status, err = running.stop()
    assert status == 0
    assert err.count("cannot be written") == 1


def test_standard_error_on_a_full_disk_loses_lines_and_no_request(gateway: Start, holding: Holding) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    holding.go_on.set()
    full = "import os; os.dup2(os.open('/dev/full', os.O_WRONLY), 2); "
    running = gateway("--upstream", holding.url, "--admin", "off", prelude=full)
    with httpx.Client() as client:
        for _ in range(300):
            assert client.get(running.url, headers={"host": "a.example"}).text == "ok"
    assert running.stop()[0] == 0
