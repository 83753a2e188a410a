from __future__ import annotations

import pytest

from policyc.grammar import codes
from policyc.grammar.codes import declare, declared


@pytest.fixture(autouse=True)
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what these tests declare out of the real table."""
    monkeypatch.setattr(codes, "_ALL", {})
    monkeypatch.setattr(codes, "_NAMES", set())


def test_declared_codes_are_found_in_order() -> None:
    second = declare("P9602", "second", "t", explanation="e", wrong="w", right="r", severity="hint")
    first = declare("P9601", "first", "t", explanation="e", wrong="w", right="r", ngrok=2203)
    assert list(declared().values()) == [first, second]
    assert (first.severity, second.severity) == ("error", "hint")


@pytest.mark.parametrize(("id", "name"), [("P9601", "other"), ("P9602", "first")])
def test_id_and_name_are_used_once(id: str, name: str) -> None:
    declare("P9601", "first", "t", explanation="e", wrong="w", right="r")
    with pytest.raises(ValueError, match="declared twice"):
        declare(id, name, "t", explanation="e", wrong="w", right="r")
