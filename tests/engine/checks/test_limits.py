from __future__ import annotations

from tests.engine.policies import codes, found

from policyc.grammar.limits import DEFAULTS


def test_rules_put_in_by_use_count() -> None:
    rule = 'when req.method == "A" { deny } '
    block = f"rules r {{ {rule * 100} }}\n"
    uses = DEFAULTS.rules_per_phase // 100
    assert "too-many-rules-used" not in codes(found(f"{block} on_http_request {{ {'use r ' * uses} }}"))
    over = found(f"{block} on_http_request {{ {'use r ' * uses} {rule} }}")
    assert [(each.ngrok, each.path) for each in over if each.code.name == "too-many-rules-used"] == [
        (2264, "on_http_request")
    ]
