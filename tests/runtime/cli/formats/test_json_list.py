from __future__ import annotations

import json
from collections.abc import Callable

from policyc.grammar.diagnostic import Diagnostic
from policyc.runtime.cli.formats import Occasion
from policyc.runtime.cli.formats.json_list import render

ANY = Occasion(("a.policy",))
FIELDS = "code severity message file line column end_line end_column hint ngrok path"  # issue 2, point 4


def test_json_looks_as_promised(golden: Callable[[str, str], None], findings: list[Diagnostic]) -> None:
    golden("cli/json.txt", render(findings, ANY))


def test_every_object_has_every_field(findings: list[Diagnostic]) -> None:
    for found in json.loads(render(findings, ANY)):
        assert set(FIELDS.split()) <= set(found)


def test_what_is_missing_is_null(findings: list[Diagnostic]) -> None:
    second = json.loads(render(findings, ANY))[1]
    assert second["hint"] is None
    assert second["ngrok"] is None
    assert second["path"] is None


def test_nothing_found_is_an_empty_list() -> None:
    assert json.loads(render([], ANY)) == []


def test_names_that_are_no_utf8_survive(findings: list[Diagnostic]) -> None:
    from policyc.grammar.source import Source

    odd = findings[0]
    source = Source("caf\udce9.policy", odd.span.source.text)
    moved = Diagnostic(odd.code, odd.severity, odd.message, source.span(0, 1))
    assert json.loads(render([moved], ANY).encode())[0]["file"] == "caf\udce9.policy"
