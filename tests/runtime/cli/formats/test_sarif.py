from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from policyc.grammar.diagnostic import Diagnostic
from policyc.runtime.cli.formats import Occasion
from policyc.runtime.cli.formats.sarif import render

OCCASION = Occasion(("a dir/shop, one.policy", "/etc/other.yaml"))


def test_log_looks_as_promised(
    golden: Callable[[str, str], None], findings: list[Diagnostic], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("policyc.runtime.version.version", lambda: "1.2.3")
    golden("cli/sarif.txt", render(findings, OCCASION))


def test_every_result_names_its_rule_by_id_and_index(findings: list[Diagnostic]) -> None:
    (run,) = json.loads(render(findings, OCCASION))["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["P9801", "P9802", "P9803"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]


def test_names_become_uris(findings: list[Diagnostic]) -> None:
    (run,) = json.loads(render(findings, OCCASION))["runs"]
    places = [r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in run["results"]]
    assert places[0] == "a%20dir/shop%2C%20one.policy"
    assert places[2] == "file:///etc/other.yaml"


def test_nothing_found_is_a_run_without_results() -> None:
    (run,) = json.loads(render([], OCCASION))["runs"]
    assert run["results"] == []
    assert run["tool"]["driver"]["rules"] == []
