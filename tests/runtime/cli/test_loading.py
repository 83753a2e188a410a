from __future__ import annotations

import os
from pathlib import Path

import pytest

from policyc.grammar.diagnostic import Report
from policyc.grammar.source import Source
from policyc.runtime.cli.loading import Importer, read_documents
from policyc.runtime.cli.sources import STDIN


def test_documents_come_from_the_front_end_of_their_name(tmp_path: Path) -> None:
    texts = {"a.policy": "on_http_request {}", "b.yaml": "on_http_request: []", "c.json": "{}"}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    documents = read_documents([str(tmp_path / name) for name in texts], Report())
    assert [document.form for document in documents] == ["policy", "yaml", "json"]


def test_import_is_relative_to_its_importer(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "lets.policy").write_text("let a = 1")
    importer = Source(str(tmp_path / "sub" / ".." / "main.policy"), "")
    found = Importer(Report())("shared/lets.policy", importer)
    assert found is not None
    assert (found.name, found.text) == (str(tmp_path / "shared" / "lets.policy"), "let a = 1")


def test_import_of_the_standard_input_is_relative_to_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lets.policy").write_text("let a = 1")
    monkeypatch.chdir(tmp_path)
    found = Importer(Report())("lets.policy", Source(STDIN, ""))
    assert found is not None
    assert found.name == "lets.policy"


@pytest.mark.parametrize("name", ["none.policy", ".", "a\0b", "x" * 5000])
def test_import_that_cannot_be_read_is_none(tmp_path: Path, name: str) -> None:
    assert Importer(Report())(name, Source(os.path.join(tmp_path, "main.policy"), "")) is None


def test_import_that_is_no_text_is_reported(tmp_path: Path) -> None:
    (tmp_path / "lets.policy").write_bytes(b"\0")
    report = Report()
    assert Importer(report)("lets.policy", Source(str(tmp_path / "main.policy"), "")) is None
    assert report.has_errors
