import json
from pathlib import Path

import pytest

from policyc.grammar import syntax
from policyc.grammar.diagnostic import Report, Severity
from policyc.grammar.documents import read_json, read_yaml
from policyc.grammar.files import decode, read_document
from policyc.grammar.source import Source

CORPUS = Path(__file__).parents[2].parent / "shared/corpus/dev"


def read(document: str) -> tuple[syntax.Document, list[tuple[str, str | None]]]:
    report = Report()
    found = read_yaml(Source("x.yaml", document), report)
    return found, [(d.code.id, d.path) for d in report.sorted()]


def test_yaml_and_json_become_the_same_tree() -> None:
    rules = [
        {"name": "a", "expressions": ["b == 'c'"], "actions": [{"type": "deny", "config": {"x": [1, "y"]}}]}
    ]
    document = json.dumps({"on_http_request": rules, "on_http_response": None})
    report = Report()
    from_json = read_json(Source("x.json", document), report)
    from_yaml = read_yaml(Source("x.json", document), report)
    assert list(report) == []
    assert (from_json.form, from_yaml.form) == ("json", "yaml")
    assert [str(i) for i in from_json.items] == [str(i) for i in from_yaml.items]
    phase = from_json.items[0]
    assert isinstance(phase, syntax.Phase)
    [rule] = phase.rules
    assert isinstance(rule, syntax.Rule)
    assert rule.path == "on_http_request[0]"
    assert isinstance(rule.conditions[0].expr, syntax.Binary)
    assert rule.conditions[0].expr.span.text == "b == 'c'"
    assert rule.actions[0].path == "on_http_request[0].actions[0]"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("", [("P0001", None)]),
        ("# nothing\n", [("P0001", None)]),
        ("{}", [("P0001", None)]),
        ("on_http_request:", []),
        ("on_http_request: []", []),
        ("enabled: true", [("P0383", "enabled")]),
        ("enabled: false", [("P0383", "enabled")]),
        ("inbound: []\noutbound: []", []),
        ("on_http_requests: []", [("P0381", "on_http_requests")]),
        ("traffic_policy:\n  on_http_request: []", [("P0382", "traffic_policy")]),
        ("apiVersion: v1\nkind: Ingress", [("P0002", None)]),
        ("apiVersion: v1\nkind: Ingress\n---\na: b", [("P0002", None)]),
        ("type: cloud\nurl: x\ntraffic_policy: '{}'", [("P0003", None)]),
        ("- on_http_request: []", [("P0384", None)]),
        ("just a text", [("P0384", None)]),
        ("a: 1\n---\nb: 1", [("P0016", None)]),
    ],
)
def test_top_level_keys(document: str, said: list[tuple[str, str | None]]) -> None:
    assert read(document)[1] == said


def test_enabled_true_is_a_warning_and_false_an_error() -> None:
    for word, severity in (("true", Severity.WARNING), ("false", Severity.ERROR), ("1", Severity.ERROR)):
        report = Report()
        read_yaml(Source("x.yaml", f"enabled: {word}"), report)
        assert [d.severity for d in report] == [severity]


def test_a_misspelt_phase_gets_a_near_miss() -> None:
    report = Report()
    read_yaml(Source("x.yaml", "on-http-requst: []"), report)
    assert [d.hint for d in report] == ["did you mean `on_http_request`?"]


def test_legacy_phases_keep_their_name() -> None:
    document, _ = read("inbound:\n  - actions: [{type: deny}]")
    [phase] = document.items
    assert isinstance(phase, syntax.Phase)
    assert phase.key.value == "inbound"
    assert phase.rules[0].path == "inbound[0]"  # type: ignore[union-attr]


def corpus_files() -> list[Path]:
    return sorted(p for p in CORPUS.rglob("*.*") if p.name not in ("labels.json", "index.json"))


def test_the_whole_corpus_is_read_and_no_good_policy_is_refused() -> None:
    if not CORPUS.is_dir():
        pytest.skip("the shared material is not beside this checkout")
    labels = json.loads((CORPUS / "labels.json").read_text())
    files = corpus_files()
    assert len(files) > 300
    refused = []
    for path in files:
        report = Report()
        source = decode(path.name, path.read_bytes(), report)
        if source is not None:
            read_document(source, report)
        if labels.get(path.stem, {}).get("label") == "ok" and report.has_errors and path.parent == CORPUS:
            refused.append((path.name, [d.message for d in report]))
    assert refused == []


def test_the_shape_errors_of_the_corpus_are_found_where_the_labels_say() -> None:
    if not CORPUS.is_dir():
        pytest.skip("the shared material is not beside this checkout")
    labels = json.loads((CORPUS / "labels.json").read_text())
    wanted = (
        "rule key",
        "rule without actions",
        "no action (2206)",
        "action key",
        "unknown top-level",
        "unexpected 'not'",
    )
    count = 0
    for path in corpus_files():
        if path.parent != CORPUS:
            continue
        for error in labels.get(path.stem, {}).get("errors", ()):
            if not error["why"].startswith(wanted):
                continue
            report = Report()
            source = decode(path.name, path.read_bytes(), report)
            assert source is not None
            read_document(source, report)
            assert error["where"] in [d.path for d in report if d.severity is Severity.ERROR], (
                path.name,
                error,
            )
            count += 1
    assert count > 20
