"""spec/actions.md §5.4."""

from __future__ import annotations

import pytest
from tests.engine.exchanges import checked, config_of

from policyc.engine.action import Ends

PHASE = "on_http_request"


def test_the_config_may_be_absent_and_halts_by_default() -> None:
    found = checked(f"{PHASE} {{ owasp-crs-request }}")
    assert found.found == []
    assert found.config()["on_error"].value == "halt"
    assert found.action().ends_with(found.config()) is Ends.MAY


@pytest.mark.parametrize(
    ("config", "ngrok"),
    [
        ("on_error: ignore", 2222),
        ("process_body: 1", 2228),
        ("exclude_rule_ids: [1]", 2215),
        ('exclude_rule_ids: ["920350"]', 2228),
        ("paranoia_level: 2", 2203),
    ],
)
def test_mistakes(config: str, ngrok: int) -> None:
    assert config_of("owasp-crs-request", f"{{ {config} }}", PHASE).only.ngrok == ngrok


def test_the_result_is_typed() -> None:
    text = (
        f"{PHASE} {{ owasp-crs-request {{ exclude_rule_ids: [920350] }} "
        "when actions.ngrok.owasp_crs_request.anomaly_score >= 5 && "
        "actions.ngrok.owasp_crs_request.matched_rules.exists(r, r.id == 1) { log { metadata: { a: 1 } } } }"
    )
    assert checked(text).errors == []
