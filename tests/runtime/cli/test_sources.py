from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace

import pytest

from policyc.grammar.diagnostic import Report
from policyc.runtime.cli.failure import CommandError
from policyc.runtime.cli.sources import STDIN, octets_of, read_all


def test_files_are_read_in_order_and_once(tmp_path: Path) -> None:
    names = []
    for name in ("b.policy", "a.policy"):
        path = tmp_path / name
        path.write_text(f"# {name}")
        names.append(str(path))
    sources = read_all([*names, names[0]], Report())
    assert [source.name for source in sources] == names
    assert sources[1].text == "# a.policy"


def test_what_is_no_text_is_reported_and_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.policy"
    path.write_bytes(b"\0")
    report = Report()
    assert read_all([str(path)], report) == []
    assert report.has_errors


def test_every_name_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as caught:
        read_all([str(tmp_path / "none"), str(tmp_path)], Report())
    assert caught.value.status == 2
    assert [line.rpartition(": ")[2] for line in caught.value.lines] == [
        "no such file or directory",
        "is a directory",
    ]


def test_a_dash_is_the_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"on_http_request { deny }")))
    (source,) = read_all(["-"], Report())
    assert (source.name, source.text) == (STDIN, "on_http_request { deny }")


def test_reading_stops_where_a_file_is_too_large_anyway() -> None:
    assert len(octets_of("/dev/zero")) < 64 * 1024 * 1024
