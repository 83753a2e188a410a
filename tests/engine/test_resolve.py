from __future__ import annotations

import pytest
from tests.engine.exchanges import FakeServices
from tests.engine.policies import codes, found, loader_of, only

from policyc.engine.embed import compile_policy, decide
from policyc.engine.resolve import circles


def test_imports_bring_in_lets_and_rules_of_the_file_itself_only() -> None:
    files = {
        "b.policy": 'import "c.policy"\nlet one = req.method == far\nrules r { deny }',
        "c.policy": 'let far = "A"',
    }
    assert (
        found('import "b.policy"\non_http_request { when one { log { metadata: {} } } use r }', files=files)
        == []
    )
    diagnostics = found('import "b.policy"\non_http_request { when far { deny } }', files=files)
    assert codes(diagnostics) == ["unknown-variable"]


def test_an_imported_let_means_what_it_meant_in_its_own_file() -> None:
    files = {
        "b.policy": 'import "c.policy"\nlet blocked = path == "/b"',
        "c.policy": "let path = req.url.path",
    }
    text = (
        'import "b.policy"\nlet path = "/here"\non_http_request { when blocked && path == "/here" { deny '
        "403 } }"
    )
    policy = compile_policy(text, loader=loader_of(files))
    outcomes = [decide(policy, FakeServices(), url=f"https://x{path}").outcome for path in ("/b", "/here")]
    assert outcomes == ["respond", "continue"]


def test_rules_from_another_file_use_the_lets_of_that_file() -> None:
    files = {
        "b.policy": 'let secret_path = "/admin"\nrules guard { when req.url.path == secret_path { deny 403 '
        "} }"
    }
    policy = compile_policy('import "b.policy"\non_http_request { use guard }', loader=loader_of(files))
    outcomes = [decide(policy, FakeServices(), url=f"https://x{path}").outcome for path in ("/admin", "/")]
    assert outcomes == ["respond", "continue"]


def test_a_variable_of_a_macro_does_not_capture_a_name_of_a_let() -> None:
    text = (
        'let x = req.method\nlet is_get = x == "GET"\non_http_request { when ["POST"].exists(x, x == '
        '"POST" && is_get) { deny } }'
    )
    policy = compile_policy(text)
    assert decide(policy, FakeServices(), method="GET").outcome == "respond"
    assert decide(policy, FakeServices(), method="POST").outcome == "continue"


def test_a_name_from_two_sources_shows_both() -> None:
    files = {"b.policy": "let office = true", "c.policy": "let office = false"}
    diagnostic = only(found('import "b.policy"\nimport "c.policy"', files=files))
    assert diagnostic.code.name == "name-declared-twice"
    assert diagnostic.span.text == '"c.policy"'
    assert [label.span.source.name for label in diagnostic.labels] == ["b.policy", "c.policy"]
    assert codes(found("let a = 1\nlet a = 2")) == ["name-declared-twice"]
    assert codes(found("rules r { deny }\nrules r { deny }")) == ["name-declared-twice"]


def test_importing_a_file_twice_is_no_conflict() -> None:
    files = {"b.policy": "let office = true"}
    assert "name-declared-twice" not in codes(found('import "b.policy"\nimport "b.policy"', files=files))


def test_circles_of_imports_are_shown_whole() -> None:
    files = {
        "a.policy": 'import "b.policy"',
        "b.policy": 'import "c.policy"',
        "c.policy": 'import "a.policy"',
    }
    diagnostic = only(found(files["a.policy"], files=files))
    assert diagnostic.code.name == "import-cycle"
    assert "a.policy → b.policy → c.policy → a.policy" in diagnostic.message
    assert diagnostic.span.source.name == "c.policy"
    assert [label.span.source.name for label in diagnostic.labels] == ["a.policy", "b.policy"]


def test_a_missing_import_is_reported_at_its_path() -> None:
    diagnostic = only(found('import "none.policy"'))
    assert (diagnostic.code.name, diagnostic.span.text) == ("import-missing", '"none.policy"')


def test_only_policy_files_can_be_imported() -> None:
    files = {"b.yaml": "on_http_request:\n  - actions: [{ type: deny }]"}
    assert codes(found('import "b.yaml"', files=files)) == ["import-of-other-kind"]


def test_mistakes_of_an_imported_file_are_found_in_it() -> None:
    diagnostic = found('import "b.policy"', files={"b.policy": "let = 1"})[0]
    assert diagnostic.span.source.name == "b.policy"


@pytest.mark.parametrize("name", ["req", "size", "has", "conn", "matches", "json"])
def test_a_let_cannot_hide_a_variable_or_function(name: str) -> None:
    assert "name-taken" in codes(found(f"let {name} = true"))


def test_circles_of_lets_are_reported_once_and_not_again_at_their_uses() -> None:
    diagnostics = found("let a = !b\nlet b = !c\nlet c = !a\non_http_request { when a { deny } }")
    assert codes(diagnostics) == ["let-cycle"]
    assert "`a` → `b` → `c` → `a`" in diagnostics[0].message
    assert codes(found("let a = a")) == ["let-cycle"]


def test_use_of_unknown_rules_suggests_the_near_ones() -> None:
    diagnostic = only(found("rules hardening { deny }\non_http_request { use hardning use hardening }"))
    assert (diagnostic.code.name, diagnostic.hint) == ("unknown-rules", "did you mean `hardening`?")


def test_circles_of_rules_are_found_where_they_close() -> None:
    diagnostics = found("rules a { use b }\nrules b { use a }\non_http_request { use a }")
    assert "rules-cycle" in codes(diagnostics)


def test_circles_of_a_graph_are_given_once_each() -> None:
    assert circles({"a": ["b"], "b": ["c", "a"], "c": ["c"]}) == [("c",), ("a", "b")]
    assert circles({"a": ["b"], "b": ["d"], "c": ["a"]}) == []
