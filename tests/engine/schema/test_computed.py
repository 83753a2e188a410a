"""Mappings with computed keys."""

from __future__ import annotations

import pytest
from tests.engine.exchanges import checked, exchange, result, run

from policyc.engine.schema.fault import FieldFault

VARS = "on_http_request {{ set-vars {{ vars: [{{ a: {} }}] }} }}"


def value_of(literal: str) -> object:
    """Return what `vars.a` is after it was set to the literal."""
    x = exchange()
    assert run(VARS.format(literal), x) is None
    return x.vars["a"]


def test_a_key_may_be_worked_out_for_each_exchange() -> None:
    host = exchange().req.host
    made = value_of('{ (req.host): 1, b: "<${req.method}>", ("c" + "d"): { (req.method): true } }')
    assert made == {host: 1, "b": "<GET>", "cd": {"GET": True}}


def test_a_constant_key_makes_an_ordinary_entry() -> None:
    (item,) = checked(VARS.format('{ ("a" + "b"): 1 }')).config().items("vars")
    assert item.is_constant


def test_the_metadata_of_log_may_have_such_keys() -> None:
    x = exchange()
    run('on_http_request { log { metadata: { (req.method): req.host, b: "${req.headers.nope}" } } }', x)
    assert result(x, "log")["metadata"] == {"GET": x.req.host, "b": ""}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (VARS.format("{ (req.content_length): 1 }"), "wrong-field-type"),
        (VARS.format("{ (1): 1 }"), "not-constant"),
        (VARS.format("{ (req.nope): 1 }"), "no-such-field"),
        ('on_http_request { add-headers { headers: { (req.host): "1" } } }', "not-constant"),
    ],
)
def test_a_key_is_a_text_and_a_field_may_want_it_constant(text: str, code: str) -> None:
    assert checked(text).errors == [code]


@pytest.mark.parametrize("literal", ["{ (req.method): 1, GET: 2 }", "{ (vars.none): 1 }"])
def test_equal_keys_and_failing_ones_fail_the_action(literal: str) -> None:
    (item,) = checked(VARS.format(literal)).config().items("vars")
    with pytest.raises(FieldFault) as caught:
        item.reader()(exchange())
    assert caught.value.action == "set-vars"


def test_what_keys_read_is_known() -> None:
    (item,) = checked(VARS.format("{ (req.host): req.method }")).config().items("vars")
    assert len(list(item.nodes())) == 2
