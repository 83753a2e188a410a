"""Declaring fields, and reading them."""

from __future__ import annotations

import pytest
from tests.engine.exchanges import checked, config_of

from policyc.engine.action import Site
from policyc.engine.actions import load
from policyc.engine.cel.scope import Scope
from policyc.engine.phases import Phase
from policyc.engine.schema import Cel, Integer, ListOf, ObjectOf, Schema, Text, field
from policyc.grammar import syntax
from policyc.grammar.diagnostic import Report
from policyc.grammar.documents import read_yaml
from policyc.grammar.source import Source


def test_the_primary_value_stands_behind_the_name() -> None:
    assert checked("on_http_request { deny 401 }").config()["status_code"].value == 401
    assert checked("on_http_request { deny 401 { status_code: 402 } }").errors == ["field-given-twice"]
    assert checked("on_http_request { redirect 301 }").errors == ["unknown-field"]


def test_a_primary_value_has_the_path_of_its_field() -> None:
    assert (
        checked("on_http_request { deny 200 }").only.path
        == "on_http_request[0].actions[0].config.status_code"
    )


def test_unknown_missing_and_bad_fields_are_reported_together() -> None:
    found = config_of("rate-limit", "{ nme: a, capacity: 0, rate: 60s, algorithm: sliding_window }")
    assert sorted(found.errors) == ["missing-field", "missing-field", "out-of-range", "unknown-field"]


@pytest.mark.parametrize(
    ("written", "hint"),
    [("capcity", "did you mean `capacity`?"), ("bucketKey", "did you mean `bucket_key`?")],
)
def test_near_misses_get_a_suggestion(written: str, hint: str) -> None:
    assert hint in [each.hint for each in config_of("rate-limit", f"{{ {written}: 1 }}").found]


def test_a_computed_name_of_a_field_is_unknown() -> None:
    assert "unknown-field" in checked("on_http_request { deny { status: 401 } }").errors


def test_rows_of_the_docs() -> None:
    rows = {row.field: row for row in load("rate-limit").schema.rows()}
    assert list(rows) == ["name", "algorithm", "capacity", "rate", "bucket_key", "enforce"]
    assert rows["capacity"].limits == "1 to 2000000000"
    assert rows["rate"].limits == "60s to 24h, a multiple of 10s"
    assert rows["bucket_key"].cel == "expression"
    assert (rows["enforce"].default, rows["enforce"].required) == ("true", False)
    inner = [row.field for row in load("jwt-validation").schema.rows()]
    assert "http.tokens[].prefix" in inner
    assert "jws.keys.sources.additional_jkus" in inner


def test_json_schema() -> None:
    schema = Schema(
        field("a", Integer(1, 2), "an a", required=True, aliases=("old",)),
        field("b", ListOf(ObjectOf(field("c", Text(Cel.TEMPLATE), "a c")), most=3), "a b"),
    )
    assert schema.json_schema() == {
        "type": "object",
        "additionalProperties": False,
        "required": ["a"],
        "properties": {
            "a": {"type": "integer", "minimum": 1, "maximum": 2, "description": "an a"},
            "old": {"type": "integer", "minimum": 1, "maximum": 2, "description": "an a", "deprecated": True},
            "b": {
                "type": "array",
                "maxItems": 3,
                "description": "a b",
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {"c": {"type": "string", "description": "a c"}},
                },
            },
        },
    }


def test_a_key_that_stands_twice_is_reported_once_in_every_front_end() -> None:
    assert checked("on_http_request { deny { status_code: 401 status_code: 402 } }").errors == [
        "field-given-twice"
    ]
    text = 'on_http_request { add-headers { headers: { "x-a": "1", "x-a": "2" } } }'
    assert checked(text).errors == ["duplicate-values"]
    assert checked("on_http_request { log { metadata: { a: { b: 1, b: 2 } } } }").errors == [
        "duplicate-values"
    ]
    report = Report()
    text = "on_http_request:\n  - actions: [{ type: deny, config: { status_code: 401, status_code: 402 } }]"
    (phase,) = read_yaml(Source("t.yaml", text), report).items
    assert isinstance(phase, syntax.Phase)
    (rule,) = phase.rules
    assert isinstance(rule, syntax.Rule)
    site = Site(Phase.HTTP_REQUEST, Scope.traffic(Phase.HTTP_REQUEST), report, "p", form="yaml")
    load("deny").read(rule.actions[0], site)
    assert [found.code.name for found in report] == ["duplicate-key"]
