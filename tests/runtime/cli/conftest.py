"""Running the command, in this process and in one of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from policyc.runtime.cli import main


class Said(NamedTuple):
    """What a command answered."""

    status: int
    out: str
    err: str


Command = Callable[..., Said]


@pytest.fixture
def policyc(capsys: pytest.CaptureFixture[str]) -> Command:
    """Return a function that runs the command in this process: `policyc("check", "a.policy")`."""

    def run(*argv: str | Path) -> Said:
        capsys.readouterr()
        try:
            status = main([str(each) for each in argv])
        except SystemExit as leaving:
            status = int(leaving.code or 0)
        said = capsys.readouterr()
        assert "Traceback" not in said.err + said.out
        assert "internal error" not in said.err
        return Said(status, said.out, said.err)

    return run


@pytest.fixture
def policyc_process() -> Command:
    """Return a function that runs the command in a process of its own; keywords go to `subprocess.run`."""

    def run(*argv: str | Path, **more: object) -> Said:
        command = [sys.executable, "-m", "policyc", *map(str, argv)]
        done = subprocess.run(command, capture_output=True, timeout=30, **more)  # type: ignore[call-overload]
        said = Said(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert "Traceback" not in said.err + said.out
        assert "internal error" not in said.err
        return said

    return run


class Running:
    """A gateway in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.out: list[str] = []
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._news:
                self.out.append(line.rstrip("\n"))
                self._news.notify_all()
        with self._news:
            self.out.append("(end)")
            self._news.notify_all()

    def wait_for(self, pattern: str, nth: int = 1) -> re.Match[str]:
        """Return the match of the nth line of standard output that has `pattern`, as soon as it is there."""

        def found() -> list[re.Match[str]]:
            return [match for line in self.out if (match := re.search(pattern, line))]

        with self._news:
            self._news.wait_for(lambda: len(found()) >= nth or "(end)" in self.out, 20)
            assert len(found()) >= nth, f"no {pattern!r} in {self.out}"
            return found()[nth - 1]

    @property
    def url(self) -> str:
        """Where the gateway listens."""
        return self.wait_for(r"listening on (http://\S+)")[1]

    def stop(self, signal_number: int = 15) -> tuple[int, str]:
        """Send a signal and return exit status and standard error."""
        self.process.send_signal(signal_number)
        return self.end()

    def end(self) -> tuple[int, str]:
        """Wait for the end, and return exit status and standard error."""
        assert self.process.stderr is not None
        err = self.process.stderr.read()
        status = self.process.wait(20)
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process.stderr.close()
        return status, err


@pytest.fixture
def gateway() -> Iterator[Callable[..., Running]]:
    """Return a function that starts `policyc run … --http 127.0.0.1:0`; what is left is killed."""
    started: list[Running] = []

    def start(*argv: str | Path, **more: str) -> Running:
        command = [sys.executable, "-m", "policyc", "run", *map(str, argv), "--http", "127.0.0.1:0"]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **more}
        )
        started.append(Running(process))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
            each.end()
