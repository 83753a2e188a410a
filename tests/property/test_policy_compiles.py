"""Policies made of pieces, right and wrong: check never raises, what it accepts compiles, what compiles runs.

A policy in `.policy` and the same one in YAML (which JSON is) are judged alike and decide alike.
"""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engine.exchanges import FakeServices

from policyc.engine.compiler import check
from policyc.engine.embed import compile_policy, decide
from policyc.engine.options import Options
from policyc.grammar.diagnostic import Report
from policyc.grammar.files import read_document
from policyc.grammar.source import Source

CONDITIONS = [
    'req.method == "GET"',
    'req.url.path.startsWith("/a")',
    'conn.client_ip in ["203.0.113.1"]',
    'req.headers["x-a"][0] == "1"',
    "hasReqHeader('x-a')",
    "true",
    "1 > 2",
    "vars.a == 1",
    "res.status_code == 200",
    "req.nothing",
]
ACTIONS: list[tuple[str, dict[str, object]]] = [
    ("deny", {"status_code": 403}),
    ("deny", {}),
    ("custom-response", {"status_code": 200, "body": "hi ${req.method}"}),
    ("add-headers", {"headers": {"x-b": "${conn.client_ip}"}}),
    ("remove-headers", {"headers": ["x-a"]}),
    ("set-vars", {"vars": [{"a": 1}]}),
    ("log", {"metadata": {"path": "${req.url.path}"}}),
    ("redirect", {"from": "/a", "to": "/b"}),
    ("url-rewrite", {"from": "/a", "to": "/c"}),
    ("forward-internal", {"url": "https://a.internal"}),
    ("forward-internal", {"url": "https://${req.host}.internal", "on_error": "continue"}),
    ("close-connection", {}),
    ("deny", {"status_code": 9}),
    ("nothing", {}),
    ("add-headers", {"header": {}}),
]
PHASES = ["on_tcp_connect", "on_http_request", "on_http_response"]

WORDS = [
    "endpoint", '"https://a.internal"', "->", '"http://127.0.0.1:1"', "{", "}", "on_http_request",
    "on_tcp_connect", "rule", '"x"', "when", "req.method", "==", '"GET"', "deny", "401", "log",
    "{ metadata: {} }", "let", "a", "=", "true", "use", "r", "rules", "import", '"a.policy"',
    "pooling_enabled: true", ",", "forward-internal", "(", ")",
]  # fmt: skip

Rule = tuple[list[str], list[tuple[str, dict[str, object]]]]
RULE = st.tuples(
    st.lists(st.sampled_from(CONDITIONS), max_size=2),
    st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=3),
)
POLICY = st.dictionaries(st.sampled_from(PHASES), st.lists(RULE, max_size=4), max_size=3)


def as_policy(phases: dict[str, list[Rule]]) -> str:
    """Write a policy in our language; every rule has a name, so that neighbours stay apart."""
    lines = []
    for phase, rules in phases.items():
        lines.append(f"{phase} {{")
        for i, (conditions, actions) in enumerate(rules):
            when = "when " + " && ".join(f"({each})" for each in conditions) if conditions else ""
            body = " ".join(f"{name} {block(config)}" for name, config in actions)
            lines.append(f'  rule "r{i}" {when} {{ {body} }}')
        lines.append("}")
    return "\n".join(lines)


def block(config: dict[str, object]) -> str:
    return "{ " + ", ".join(f"{key}: {json.dumps(value)}" for key, value in config.items()) + " }"


def as_json(phases: dict[str, list[Rule]]) -> str:
    """Write the same policy as JSON."""
    return json.dumps(
        {
            phase: [
                {
                    "name": f"r{i}",
                    **({"expressions": conditions} if conditions else {}),
                    "actions": [{"type": name, "config": config} for name, config in actions],
                }
                for i, (conditions, actions) in enumerate(rules)
            ]
            for phase, rules in phases.items()
        }
    )


def judged(text: str, name: str) -> list[tuple[str, str, str | None]]:
    report = Report()
    check([read_document(Source(name, text), report)], Options(for_run=True), report=report)
    # Joined by `&&` or in a list, a condition is one place or several: what it says of them is left out.
    dropped = {"always-true", "always-false", "empty-document"}
    return sorted(
        (each.code.name, str(each.severity), (each.path or "").split(".expressions")[0])
        for each in report
        if each.code.name not in dropped
    )


@settings(max_examples=150, deadline=None)
@given(POLICY)
def test_both_spellings_of_a_policy_are_judged_alike_and_decide_alike(phases: dict[str, list[Rule]]) -> None:
    ours, theirs = as_policy(phases), as_json(phases)
    verdict = judged(ours, "a.policy")
    assert set(verdict) == set(judged(theirs, "a.json"))
    if any(severity == "error" for _, severity, _ in verdict):
        return
    policies = [compile_policy(ours), compile_policy(theirs, filename="a.json")]
    for method, url, headers in [("GET", "https://x/a", {}), ("POST", "https://x.example/b", {"x-a": "1"})]:
        first, second = (
            decide(policy, FakeServices(), method=method, url=url, headers=headers, response=(200, {}))
            for policy in policies
        )
        assert (first.outcome, first.status, first.headers, first.target, first.vars, first.rules) == (
            second.outcome,
            second.status,
            second.headers,
            second.target,
            second.vars,
            second.rules,
        )
        assert first.code != 2300, first.detail  # a step never raises


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=25))
def test_check_answers_whatever_it_is_given(words: list[str]) -> None:
    report = Report()
    check([read_document(Source("a.policy", " ".join(words)), report)], report=report)
    for each in report.sorted():
        assert each.span.start <= each.span.end
        assert each.message
