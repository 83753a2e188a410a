"""The registry of actions."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.engine.exchanges import checked, config_of

import policyc.engine.actions as registry
from policyc.engine.action import Action
from policyc.engine.actions import ALIASES, NEAR, Suggestion, actions, find, load, names, result_owner
from policyc.engine.phases import Phase
from policyc.grammar.source import Source

RUNNABLE = {
    "add-headers",
    "basic-auth",
    "close-connection",
    "custom-response",
    "deny",
    "forward-internal",
    "log",
    "rate-limit",
    "redirect",
    "remove-headers",
    "restrict-ips",
    "set-vars",
    "terminate-tls",
    "url-rewrite",
}


def test_there_are_28_actions_sorted_by_name() -> None:
    assert len(actions()) == 28
    assert list(actions()) == sorted(actions())
    assert set(names()) == set(actions())


def test_fourteen_of_them_can_run() -> None:
    assert {name for name, action in actions().items() if action.compile is not None} == RUNNABLE


def test_an_action_is_found_by_its_name_and_by_its_alias() -> None:
    assert find("deny") is actions()["deny"]
    assert find("oidc") is actions()["openid-connect"]
    assert {alias: name for name, action in actions().items() for alias in action.aliases} == dict(ALIASES)


def test_every_near_name_leads_to_an_action_and_is_none_itself() -> None:
    assert set(NEAR.values()) <= set(actions())
    assert not set(NEAR) & (set(actions()) | set(ALIASES))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("webhook-validation", "verify-webhook"),
        ("add-header", "add-headers"),
        ("add_headers", "add-headers"),
        ("add-response-header", "add-headers"),
        ("ip-restriction", "restrict-ips"),
        ("forward", "forward-internal"),
        ("denny", "deny"),
        ("some-action", None),
        ("", None),
    ],
)
def test_other_names_get_a_suggestion(written: str, meant: str | None) -> None:
    assert find(written) == Suggestion(meant)


def test_a_result_leads_to_the_action_that_publishes_it() -> None:
    for name, action in actions().items():
        if action.result_name is not None:
            assert result_owner(action.result_name) == name
    assert result_owner("compress") == "compress-response"
    assert result_owner("oidc") == "openid-connect"
    assert result_owner("deny") is None
    assert result_owner("compress_response") is None


def test_what_publishes_nothing_has_no_result() -> None:
    silent = {name for name, action in actions().items() if action.result is None}
    assert silent == {"deny", "custom-response", "close-connection", "circuit-breaker", "set-vars"}


def test_a_module_without_an_action_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "no_action.py").write_text("X = 1\n")
    (tmp_path / "misnamed.py").write_text("from policyc.engine.actions.deny import ACTION\n")
    monkeypatch.setattr(registry, "__path__", [str(tmp_path)])
    for name in ("no-action", "misnamed"):
        with pytest.raises(TypeError, match="declares"):
            load(name)
        sys.modules.pop(f"policyc.engine.actions.{name.replace('-', '_')}", None)


@pytest.mark.parametrize("name", names())
def test_the_example_of_an_action_is_without_errors(name: str) -> None:
    action = load(name)
    found = checked(action.example)
    assert found.errors == [], [(each.code.name, each.message) for each in found.found]
    assert found.phase in action.phases
    assert any(each.name == name for _, steps in found.rules for each, _, _ in steps)


@pytest.mark.parametrize("name", names())
def test_an_action_says_what_it_is_in_every_form(name: str) -> None:
    action: Action = load(name)
    assert action.doc.endswith(".")
    assert action.source.startswith("spec/actions.md#")
    assert action.phases <= set(Phase)
    schema = action.schema.json_schema()
    assert schema["type"] == "object"
    for row in action.schema.rows():
        assert row.doc, row.field
        assert row.type, row.field
    assert Source("x", action.example).line(1) == action.example, "an example is one line"


VALUES = [
    "null",
    "true",
    "-1",
    "1.5",
    '""',
    "text",
    "'${req.method}'",
    "'${'",
    "'${}'",
    "'$${x}'",
    '"\\0\\r\\n"',
    "[]",
    "{}",
    "[null, [], {}, 1, '${1}']",
    "{ a: null, '': [], 'x y': {}, b: 1 }",
    "[{ a: 1 }]",
    f"[{', '.join(['a'] * 300)}]",
    "99999999999999999999999",
]


@pytest.mark.parametrize("name", names())
def test_no_value_of_a_field_makes_the_check_fall_over(name: str) -> None:
    action = load(name)
    phase = sorted(action.phases)[0]
    fields = [f.name for f in action.schema.fields]
    for config in VALUES:
        text = f"{phase}:\n  - actions:\n      - type: {name}\n        config: {config}\n"
        assert checked(text).found or config in ("null", "{}")
    for field in fields:
        for value in VALUES:
            config_of(name, f"{{ {field}: {value} }}", phase)
    config_of(name, f"{{ {', '.join(f'{field}: null' for field in fields)} }}", phase)


@pytest.mark.parametrize("name", names())
def test_null_is_an_error_in_every_field_but_free_form_ones(name: str) -> None:
    action = load(name)
    phase = sorted(action.phases)[0]
    for field in action.schema.fields:
        found = config_of(name, f"{{ {field.name}: null }}", phase)
        assert ("null-value" in found.errors) == (field.kind.title != "any value"), field.name
