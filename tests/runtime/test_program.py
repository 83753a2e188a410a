from __future__ import annotations

import os
from pathlib import Path

import pytest

from policyc.engine.errors import PolicycError
from policyc.grammar.diagnostic import Report
from policyc.grammar.source import Source
from policyc.runtime.program import Importer, compile_program, load_program

PUBLIC = 'endpoint "https://a.example.com" { on_http_request { forward-internal "https://b.internal" } }'


def test_files_are_one_program(tmp_path: Path) -> None:
    (tmp_path / "a.policy").write_text(PUBLIC)
    (tmp_path / "b.yaml").write_text(
        "version: 3\nendpoints:\n  - name: b\n    url: https://b.internal\n    upstream: {url: 9001}\n"
    )
    program = load_program(tmp_path / "a.policy", str(tmp_path / "b.yaml"), account="acme")
    assert [each.url.url for each in program.endpoints] == ["https://a.example.com", "https://b.internal"]
    assert {each.account for each in program.endpoints} == {"acme"}


def test_text_is_a_program() -> None:
    assert compile_program("on_http_request: []", filename="a.yaml").endpoints == ()
    assert len(compile_program(PUBLIC, apps=["https://b.internal"]).endpoints) == 1


def test_refused_policy_raises_with_its_diagnostics() -> None:
    with pytest.raises(PolicycError) as caught:
        compile_program("on_http_request { dney }")
    assert [found.span.line for found in caught.value.diagnostics] == [1]


def test_file_that_is_no_text_raises_with_its_diagnostics(tmp_path: Path) -> None:
    (tmp_path / "a.policy").write_bytes(b"\0")
    with pytest.raises(PolicycError, match="binary"):
        load_program(tmp_path / "a.policy")


def test_file_that_is_not_there_raises_as_open_does(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_program(tmp_path / "none.policy")


def test_application_needs_the_url_of_an_endpoint() -> None:
    with pytest.raises(PolicycError, match="no URL of an endpoint"):
        compile_program(PUBLIC, apps=["ftp://x"])


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
    found = Importer(Report())("lets.policy", Source("<stdin>", ""))
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
