from __future__ import annotations

import pytest
from tests.engine.policies import found
from tests.engine.policies import program as compiled

from policyc.engine.errors import PolicycError
from policyc.engine.message_limits import MessageLimits
from policyc.engine.options import Options
from policyc.grammar.diagnostic import Diagnostic

NESTED = "req.headers.exists(a, req.headers.exists(b, req.headers.exists(c, a + b == c)))"


def costly(text: str, options: Options | None = None) -> list[Diagnostic]:
    return [each for each in found(text, options) if each.code.name == "expression-too-costly"]


def test_a_costly_condition_is_refused_and_explained() -> None:
    [refused] = costly(f"on_http_request {{ when {NESTED} {{ deny }} }}")
    assert refused.severity == "error"
    assert refused.span.text == NESTED
    assert "units for one request, more than the 1,000,000 allowed" in refused.message
    [label] = refused.labels
    assert label.span.text == "a + b"
    assert label.message.startswith("runs up to 100 x 100 x 100 times, for up to ")
    assert refused.hint is not None
    assert "each loop in a loop multiplies" in refused.hint
    assert refused.path == "on_http_request[0].expressions[0]"


@pytest.mark.parametrize(
    ("action", "path"),
    [
        (
            f'add-headers {{ headers: {{ "x-a": "a${{{NESTED}}}" }} }}',
            "on_http_request[0].actions[0].config.headers.x-a",
        ),
        (
            'rate-limit "a" { algorithm: "sliding_window", capacity: 3, rate: 60s, '
            f"bucket_key: [conn.client_ip, {NESTED}] }}",
            "on_http_request[0].actions[0].config.bucket_key[1]",
        ),
        (f"log {{ metadata: {{ a: {{ b: [{NESTED}] }} }} }}", "config.metadata.a.b[0]"),
        (f"set-vars {{ vars: [{{ a: {NESTED} }}] }}", "config.vars[0].a"),
    ],
)
def test_templates_and_bucket_keys_count_too(action: str, path: str) -> None:
    [refused] = costly(f"on_http_request {{ {action} }}")
    assert (refused.path or "").endswith(path)


def test_the_expressions_of_one_template_add_up() -> None:
    one = "${json.decode(req.headers['x'][0])}"
    assert not costly(f'on_http_request {{ add-headers {{ headers: {{ "x-a": "{one}{one}" }} }} }}')
    assert costly(f'on_http_request {{ add-headers {{ headers: {{ "x-a": "{one * 6}" }} }} }}')


def test_a_pattern_that_comes_with_the_traffic_is_refused() -> None:
    [refused] = costly('on_http_request { when req.host.matches(req.headers["x"][0]) { deny } }')
    assert refused.hint is not None
    assert refused.hint.startswith("write the pattern as a constant")


def test_what_set_vars_sets_is_followed() -> None:
    loop = "when vars.names.exists(n, n.trim() == req.host) { deny }"
    few = 'set-vars { vars: [{ names: ["a", "b"] }] }'
    many = "set-vars { vars: [{ names: lists.range(60000).map(n, string(n)) }] }"
    assert not costly(f"on_http_request {{ {few} {loop} }}")
    refused = costly(f"on_http_request {{ {many} {few} {loop} }}")
    assert [each.span.text for each in refused] == ["vars.names.exists(n, n.trim() == req.host)"]
    assert not costly(f"on_http_request {{ {loop} {many} }}"), "set behind it"


def test_the_text_of_a_template_is_as_long_as_its_parts() -> None:
    sets = 'set-vars { vars: [{ a: "${req.url.path}${req.url.path}" }, { b: "${vars.a}${vars.a}" }] }'
    assert not costly(f"on_http_request {{ {sets} when vars.b.lower() == 'x' {{ deny }} }}")
    more = "set-vars { vars: [{ c: vars.b + vars.b + vars.b + vars.b + vars.b + vars.b }] }"
    assert costly(f"on_http_request {{ {sets} {more} when vars.c.lower().upper() == 'x' {{ deny }} }}")


def test_the_answer_to_a_request_of_the_policys_own_can_be_read_as_json() -> None:
    request = 'http-request { url: "https://auth.example.com/check" }'
    reads = "when json.decode(actions.ngrok.http_request.res.body).allowed == true { deny }"
    keeps = "set-vars { vars: [{ answer: json.decode(actions.ngrok.http_request.res.body) }] }"
    loops = "when vars.answer.groups.exists(g, g == 'staff') { deny }"
    assert not costly(f"on_http_request {{ {request} {reads} {keeps} {loops} }}")


def test_a_costly_let_is_shown_where_it_is_used() -> None:
    text = f"let bomb = {NESTED}\non_http_request {{ when req.method == 'GET' && bomb {{ deny }} }}"
    [refused] = costly(text)
    assert refused.span.text == "req.method == 'GET' && bomb"
    assert refused.labels[0].span.line == 1


def test_costly_rules_are_reported_at_their_use() -> None:
    text = f"rules bombs {{ when {NESTED} {{ deny }} }}\non_http_request {{ use bombs }}"
    [refused] = costly(text)
    assert refused.span.line == 2


def test_the_limit_is_an_option() -> None:
    text = f"on_http_request {{ when {NESTED} {{ deny }} }}"
    assert not costly(text, Options(cost_limit=100_000_000))
    assert costly("on_http_request { when req.host == 'a' { deny } }", Options(cost_limit=1))


def test_a_gateway_with_larger_messages_has_larger_costs() -> None:
    text = "on_http_request { when req.headers.exists(a, req.headers.exists(b, a == b)) { deny } }"
    assert not costly(text)
    assert costly(text, Options(message_limits=MessageLimits(fields=2000)))


def test_compile_refuses_it_too() -> None:
    with pytest.raises(PolicycError):
        compiled(f"on_http_request {{ when {NESTED} {{ deny }} }}")


def test_loops_stand_at_most_four_deep_in_each_other() -> None:
    four = "[1].all(a, [1].all(b, [1].all(c, [1].all(d, a == d))))"
    five = "[1].all(a, [1].all(b, [1].all(c, [1].all(d, [1].all(e, a == e)))))"
    assert not any(
        each.severity == "error" for each in found(f"on_http_request {{ when {four} {{ deny }} }}")
    )
    [refused] = [
        each for each in found(f"on_http_request {{ when {five} {{ deny }} }}") if each.code.id == "P0822"
    ]
    assert refused.severity == "error"
