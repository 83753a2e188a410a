"""What the OWASP actions share."""

from __future__ import annotations

from policyc.engine.owasp import SCHEMA, result


def test_the_fields() -> None:
    assert [(row.field, row.default) for row in SCHEMA.rows()] == [
        ("on_error", "halt"),
        ("process_body", "false"),
        ("exclude_rule_ids", ""),
    ]


def test_the_result_has_scores_and_rules() -> None:
    record = result("owasp_crs_request")
    assert str(record.fields["anomaly_score"].type) == "int"
    assert str(record.fields["matched_rules"].type) == "list(owasp_crs_request.rule)"
