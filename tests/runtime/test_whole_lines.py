from __future__ import annotations

import os
import select

import pytest

from policyc.runtime.whole_lines import WholeLines


def pieces(text: str, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Return what is written at once, one after the other."""
    written: list[bytes] = []

    def write(_: int, octets: bytes) -> int:
        written.append(octets)
        return len(octets)

    monkeypatch.setattr(os, "write", write)
    stream = WholeLines(2)
    stream.write(text)
    stream.flush()
    assert b"".join(written) == text.encode()
    return written


def test_lines_are_not_mixed_with_those_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f"{'x' * (n * 37 % 400)}\n" for n in range(300)]
    for piece in pieces("".join(lines), monkeypatch):
        assert len(piece) <= select.PIPE_BUF
        assert piece.endswith(b"\n")
    assert len(pieces("a\nb\n", monkeypatch)) == 1


def test_a_line_that_is_too_long_is_a_piece_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    long = "x" * (select.PIPE_BUF * 2) + "\n"
    assert pieces(f"a\n{long}b\n", monkeypatch) == [b"a\n", long.encode(), b"b\n"]
    assert pieces(long[:-1], monkeypatch) == [long[:-1].encode()]


def test_what_is_written_in_part_is_completed(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []

    def write(_: int, octets: bytes) -> int:
        written.append(octets[:2])
        return len(octets[:2])

    monkeypatch.setattr(os, "write", write)
    WholeLines(2).write("abcde\n")
    assert written == [b"ab", b"cd", b"e\n"]
