"""Running the command, in this process and in one of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

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
    """A gateway in a process of its own; its two streams are read as they come."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.out: list[str] = []
        self.err: list[str] = []
        self._news = threading.Condition()
        assert process.stdout is not None
        assert process.stderr is not None
        self._readers = [
            threading.Thread(target=self._read, args=(process.stdout, self.out)),
            threading.Thread(target=self._read, args=(process.stderr, self.err)),
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: IO[str], lines: list[str]) -> None:
        with stream:
            for line in stream:
                with self._news:
                    lines.append(line.rstrip("\n"))
                    self._news.notify_all()
        with self._news:
            lines.append("(end)")
            self._news.notify_all()

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Return the match of the first line of standard output that has `pattern`, when it is there."""
        return self._wait(self.out, pattern)

    def wait_for_error(self, pattern: str) -> re.Match[str]:
        """Return the match of the first line of standard error that has `pattern`, when it is there."""
        return self._wait(self.err, pattern)

    def _wait(self, lines: list[str], pattern: str) -> re.Match[str]:
        def found() -> re.Match[str] | None:
            return next((match for line in lines if (match := re.search(pattern, line))), None)

        with self._news:
            self._news.wait_for(lambda: found() or "(end)" in lines, 20)
            match = found()
        assert match is not None, f"no {pattern!r} in {self.out} {self.err}"
        return match

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
        status = self.process.wait(20)
        for reader in self._readers:
            reader.join()
        return status, "".join(f"{line}\n" for line in self.err[:-1])


@pytest.fixture
def gateway() -> Iterator[Callable[..., Running]]:
    """Return a function that starts `policyc run … --http 127.0.0.1:0`; what is left is killed."""
    started: list[Running] = []

    def start(*argv: str | Path, prelude: str = "", **more: str) -> Running:
        flags = ["run", *map(str, argv), "--http", "127.0.0.1:0"]
        command = [sys.executable, "-m", "policyc", *flags]
        if prelude:  # code that comes first in the new process
            main = "runpy.run_module('policyc', run_name='__main__', alter_sys=True)"
            command = [sys.executable, "-c", f"import runpy; {prelude}{main}", *flags]
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
