from __future__ import annotations

from tests.engine.exchanges import exchange
from tests.engine.policies import program

from policyc.engine.endpoint_url import EndpointUrl, parse_endpoint_url
from policyc.engine.options import Options
from policyc.engine.outcome import Respond
from policyc.engine.phases import Phase


def test_a_phase_that_the_endpoint_lacks_is_not_compiled_even_if_it_is_tolerated() -> None:
    text = (
        'endpoint "https://a.internal" -> "http://127.0.0.1:1" { on_tcp_connect { deny } on_http_request { '
        "deny } }"
    )
    made = program(text, Options(lenient=True))
    assert list(made.endpoints[0].policy.phases) == [Phase.HTTP_REQUEST]


def test_rules_that_never_apply_are_left_out() -> None:
    made = program(
        "on_http_request { when false { deny } }\non_http_response { when 2 < 1 { log { metadata: { a: 1 } "
        "} } }"
    )
    assert made.policy is not None
    assert made.policy.phases == {}


def test_expressions_of_a_rule_are_one_conjunction() -> None:
    # The second expression fails without the header; the false one decides (policy-language.md §3.2).
    text = (
        "on_http_request:\n  - expressions: [\"'x-a' in req.headers\", \"req.headers['x-a'][0] == "
        "'b'\"]\n    actions: [{ type: deny }]\n  - expressions: [\"req.headers['x-a'][0] == 'b'\", "
        "\"'x-a' in req.headers\"]\n    actions: [{ type: deny }]\n"
    )
    policy = program(text, name="a.yaml").policy
    assert policy is not None
    run = policy.phases[Phase.HTTP_REQUEST]
    assert run(exchange()) is None
    assert isinstance(run(exchange(lines=[("x-a", "b")])), Respond)


def test_rules_act_under_their_name_or_their_place() -> None:
    policy = program(
        'on_http_request { rule "first" { log { metadata: { a: 1 } } } log { metadata: { a: 2 } } }'
    ).policy
    assert policy is not None
    x = exchange()
    policy.phases[Phase.HTTP_REQUEST](x)
    assert x.acted == ["first", "on_http_request[1]"]


def test_the_key_of_a_policy_changes_with_its_text_and_names_its_endpoint() -> None:
    def key(text: str) -> str:
        policy = program(text).policy
        assert policy is not None
        return policy.key

    assert key("on_http_request { deny }") == key("on_http_request { deny }")
    assert key("on_http_request { deny }") != key("on_http_request { deny 401 }")
    pool = program(
        'endpoint "https://a.internal" -> "http://127.0.0.1:1" { pooling_enabled: true on_http_request { '
        'deny } }\nendpoint "https://a.internal" -> "http://127.0.0.1:2" { pooling_enabled: true '
        "on_http_request { deny } }\n"
    )
    assert len({each.policy.key for each in pool.endpoints}) == 2


def test_what_is_no_setting_of_its_own_is_kept_by_name() -> None:
    endpoint = program(
        'endpoint "https://a.internal" -> "https://127.0.0.1:1" { name: "a", upstream: { tls_verify: true } }'
    ).endpoints[0]
    assert endpoint.settings == {"upstream.tls_verify": True}
    assert isinstance(parse_endpoint_url(endpoint.url.url), EndpointUrl)
