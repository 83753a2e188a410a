from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from policyc.runtime.transport.notify import notify, reloading, watchdog_s


def test_assignments_reach_the_service_manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        assert notify("READY=1", "STATUS=it serves")
        assert manager.recv(1000) == b"READY=1\nSTATUS=it serves"
        assert reloading()
        first, _, second = manager.recv(1000).decode().partition("\n")
        assert first == "RELOADING=1"
        name, _, value = second.partition("=")
        assert (name, value.isdecimal()) == ("MONOTONIC_USEC", True)


def test_a_name_in_the_abstract_namespace_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    name = f"policyc-test{str(tmp_path).replace('/', '-')}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        assert notify("STOPPING=1")
        assert manager.recv(1000) == b"STOPPING=1"


@pytest.mark.parametrize("path", ["", "relative", "vsock:2:1"])
def test_without_a_service_manager_nothing_is_sent(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", path)
    assert not notify("READY=1")


def test_a_manager_that_is_gone_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "none"))
    assert not notify("READY=1")
    assert "cannot be told" in caplog.text


@pytest.mark.parametrize(
    ("usec", "pid", "seconds"),
    [("", "", None), ("0", "", None), ("x", "", None), ("3000000", "", 1.5), ("3000000", "1", None)],
)
def test_watchdog_is_fed_twice_as_often_as_it_asks_for(
    monkeypatch: pytest.MonkeyPatch, usec: str, pid: str, seconds: float | None
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", usec)
    monkeypatch.setenv("WATCHDOG_PID", pid)
    assert watchdog_s() == seconds
    monkeypatch.setenv("WATCHDOG_USEC", "3000000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    assert watchdog_s() == 1.5
