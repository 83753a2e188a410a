from __future__ import annotations

from pathlib import Path

from policyc.grammar.diagnostic import Report
from policyc.runtime.cli.loading import read_documents


def test_documents_come_from_the_front_end_of_their_name(tmp_path: Path) -> None:
    texts = {"a.policy": "on_http_request {}", "b.yaml": "on_http_request: []", "c.json": "{}"}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    documents = read_documents([str(tmp_path / name) for name in texts], Report())
    assert [document.form for document in documents] == ["policy", "yaml", "json"]
