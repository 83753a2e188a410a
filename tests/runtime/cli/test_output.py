from __future__ import annotations

import io

import pytest

from policyc.runtime.cli.output import complain, printable, say


def test_control_characters_are_replaced() -> None:
    assert printable("a\x1b[31mb\nc") == "a\ufffd[31mb\ufffdc"


def test_octets_of_names_that_are_no_text_stay() -> None:
    assert printable("caf\udce9\x07") == "caf\udce9\ufffd"


def test_missing_streams_are_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)
    monkeypatch.setattr("sys.stderr", None)
    say("x")
    complain("x")


def test_standard_error_that_cannot_be_written_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("sys.stderr", Full())
    complain("x")


def test_complaint_is_one_line_whatever_it_holds(capsys: pytest.CaptureFixture[str]) -> None:
    complain("cannot read a\nb")
    assert capsys.readouterr().err == "policyc: cannot read a\ufffdb\n"
