from __future__ import annotations

import argparse
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from policyc.runtime.cli import arguments, main

if TYPE_CHECKING:
    from collections.abc import Callable

    Command = Callable[..., tuple[int, str, str]]


def command_that(raises: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(_: argparse.Namespace) -> int:
        raise raises

    module = SimpleNamespace(run=run)
    monkeypatch.setattr(arguments, "parse", lambda _: argparse.Namespace(command_module=module))


def test_fault_that_nobody_foresaw_is_one_line_and_status_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command_that(ZeroDivisionError("oh"), monkeypatch)
    monkeypatch.delenv("POLICYC_TRACEBACK", raising=False)
    assert main([]) == 2
    err = capsys.readouterr().err
    assert err.startswith("policyc: internal error at ")
    assert err.endswith(": ZeroDivisionError: oh; please report it\n")
    assert len(err.splitlines()) == 1


def test_traceback_is_shown_to_those_who_ask(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command_that(ZeroDivisionError("oh"), monkeypatch)
    monkeypatch.setenv("POLICYC_TRACEBACK", "1")
    assert main([]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_interrupt_ends_without_a_word(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command_that(KeyboardInterrupt(), monkeypatch)
    assert main([]) == 130
    assert capsys.readouterr().err == ""


def test_module_can_be_run_as_the_command(policyc_process: Command) -> None:
    status, out, _ = policyc_process("--version")
    assert status == 0
    assert out.startswith("policyc ")
