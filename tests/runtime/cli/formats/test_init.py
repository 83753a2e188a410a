from __future__ import annotations

import pytest

from policyc.grammar.diagnostic import Diagnostic
from policyc.runtime.cli.formats import FORMATS, Occasion, renderer


@pytest.mark.parametrize("name", list(FORMATS))
def test_every_format_prints_findings_and_nothing(name: str, findings: list[Diagnostic]) -> None:
    render = renderer(name)
    assert "unknown action `dney`" in render(findings, Occasion(("a.policy",)))
    assert isinstance(render([], Occasion(("a.policy",))), str)
