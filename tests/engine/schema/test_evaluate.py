"""From templates to readers."""

from __future__ import annotations

import pytest
from tests.engine.exchanges import checked, config_of, exchange, result, run


def sent(value: str, **given: object) -> str:
    """Return the header that a `.policy` value makes."""
    x = exchange("https://shop.example.com/p?a=1")
    assert (
        run(
            f"on_http_request {{ add-headers {{ headers: {{ x-a: {value} }} }} }}".replace("x-a", '"x-a"', 1),
            x,
        )
        is None
    )
    text: str = result(x, "add_headers")["headers_added"]["x-a"]
    return text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ('"a"', "a"),
        ("req.method", "GET"),
        ('"${req.method}"', "GET"),
        ('"<${req.method}>"', "<GET>"),
        ('"${req.method}${req.host}"', "GETshop.example.com"),
        ('"${1 + 1}"', "2"),
        ('"${true}-${1.5}-${null}-"', "true-1.5--"),
        ('"${[1, 2]}"', "[1,2]"),
        ('"${req.url.query_params}"', '{"a":["1"]}'),
        ('"$${req.method}"', "${req.method}"),
        ('"$1 $uri $"', "$1 $uri $"),
        ('"${req.url}"', "https://shop.example.com/p?a=1"),
        ("\"${'}'}\"", "}"),
        ("timestamp('2026-01-02T03:04:05Z')", "2026-01-02T03:04:05Z"),
    ],
)
def test_values_become_text(value: str, text: str) -> None:
    assert sent(value) == text


def test_results_are_not_scanned_again() -> None:
    x = exchange(lines=[("x-in", "${req.method}")])
    run("on_http_request { add-headers { headers: { \"x-a\": req.headers['x-in'][0] } } }", x)
    assert result(x, "add_headers")["headers_added"]["x-a"] == "${req.method}"


def test_a_constant_template_is_worked_out_at_compile_time() -> None:
    config = config_of("add-headers", '{ headers: { x-a: "a${1 + 1}b" } }').config()
    assert config["headers"].is_constant
    assert config["headers"].value == {"x-a": "a2b"}


@pytest.mark.parametrize("template", ["${", "${}", "${req.}", "${req.method", "a ${1 +} b"])
def test_a_template_that_does_not_parse_is_2224(template: str) -> None:
    found = config_of("add-headers", f'{{ headers: {{ x-a: "{template}" }} }}').found
    assert [each.ngrok for each in found] == [2224]
    assert found[0].path == "on_http_request[0].actions[0].config.headers.x-a"


def test_every_expression_of_a_template_is_checked() -> None:
    found = config_of("add-headers", '{ headers: { x-a: "${req.a} ${req.b}" } }')
    assert [each.ngrok for each in found.found] == [2224, 2224]


def test_the_expressions_of_a_config_can_be_listed() -> None:
    config = checked(
        'on_http_request { log { metadata: { a: req.method, b: ["${req.host}!"], c: 1 } } }'
    ).config()
    assert len(list(config.nodes())) == 2
