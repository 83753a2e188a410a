from __future__ import annotations

import pytest
from tests.engine.policies import codes, found, loader_of, only, program, work

from policyc.engine.endpoint_url import EndpointUrl, parse_endpoint_url
from policyc.engine.options import Options
from policyc.engine.phases import Binding, Phase

INBOUND = "inbound:\n  - actions: [{ type: deny }]\n"


def url(text: str) -> EndpointUrl:
    parsed = parse_endpoint_url(text)
    assert isinstance(parsed, EndpointUrl)
    return parsed


def test_legacy_phases_become_those_of_today_with_a_warning() -> None:
    text = INBOUND + "outbound:\n  - actions: [{ type: log, config: { metadata: { a: 1 } } }]\n"
    made = work(text, name="a.yaml")
    assert list(made.policies[0].phases) == [Phase.HTTP_REQUEST, Phase.HTTP_RESPONSE]
    assert codes(made.report.sorted()) == ["legacy-phase", "legacy-phase"]
    assert all(each.severity == "warning" for each in made.report)


def test_inbound_of_a_tcp_endpoint_is_the_connect_phase() -> None:
    made = work(INBOUND, Options(endpoint=url("tcp://db.internal:1")), name="a.yaml")
    assert list(made.policies[0].phases) == [Phase.TCP_CONNECT]


def test_outbound_of_a_tcp_endpoint_is_refused() -> None:
    text = "outbound:\n  - actions: [{ type: log, config: { metadata: { a: 1 } } }]\n"
    diagnostics = found(text, Options(endpoint=url("tcp://db.internal:1")), name="a.yaml")
    assert "phase-of-other-protocol" in codes(diagnostics)


def test_a_phase_stands_once_in_a_policy_file() -> None:
    assert codes(found("on_http_request { deny }\non_http_request { deny }"))[0] == "phase-twice"


def test_the_place_of_a_wrong_url_is_the_wrong_part() -> None:
    diagnostic = only(found('endpoint "https://app.internal/api" -> "http://127.0.0.1:1"'))
    assert (diagnostic.code.name, diagnostic.span.text, diagnostic.ngrok) == (
        "bad-endpoint-url",
        "/api",
        9037,
    )


def test_the_place_of_a_wrong_upstream_is_the_wrong_part() -> None:
    diagnostic = only(found('endpoint "https://app.internal" -> "http://127.0.0.1:99999"'))
    assert (diagnostic.code.name, diagnostic.span.text) == ("bad-upstream", "99999")


def test_an_upstream_must_carry_the_protocol_of_its_endpoint() -> None:
    diagnostic = only(found('endpoint "tcp://db.internal:1" -> "http://127.0.0.1:1"'))
    assert (diagnostic.code.name, diagnostic.ngrok) == ("bad-upstream", 15003)


def test_a_given_binding_decides_and_must_fit_the_host() -> None:
    made = work('endpoint "http://name.ns" -> "http://127.0.0.1:1" { binding: "kubernetes" }')
    assert made.policies[0].kind.binding is Binding.KUBERNETES
    diagnostic = only(
        found('endpoint "https://a.example.com" -> "http://127.0.0.1:1" { binding: "internal" }')
    )
    assert (diagnostic.ngrok, diagnostic.labels[0].span.text) == (9029, '"internal"')


def test_only_an_endpoint_with_an_upstream_may_leave_its_scheme_out() -> None:
    assert found('endpoint "foo.internal" -> "http://127.0.0.1:1"') == []
    assert codes(found('endpoint "foo.internal" { on_http_request { deny } }')) == ["incomplete-url"]


def test_an_agent_file_gives_names_and_urls() -> None:
    text = "version: 3\nendpoints:\n  - upstream: { url: 80 }\n"
    assert sorted(codes(found(text, name="a.yaml"))) == ["missing-name", "missing-url"]


def test_an_agent_endpoint_without_upstream_is_not_judged_as_a_cloud_endpoint() -> None:
    text = "version: 3\nendpoints:\n  - { name: a, url: https://a.internal }\n"
    assert codes(found(text, name="a.yaml")) == ["agent-upstream"]


def test_accounts_come_from_the_file_or_the_options() -> None:
    text = (
        'endpoint "https://a.internal" -> "http://127.0.0.1:1" {}\nendpoint "https://b.internal" -> '
        '"http://127.0.0.1:1" { account: "own" }'
    )
    made = program(text, Options(account="mine"))
    assert [each.account for each in made.endpoints] == ["mine", "own"]


def test_a_policy_file_is_the_policy_of_its_endpoint() -> None:
    text = 'endpoint "https://a.internal" { traffic_policy_file: "p.yaml" }'
    policy = "on_http_request:\n  - actions: [{ type: deny }]\n"
    assert list(program(text, files={"p.yaml": policy}).endpoints[0].policy.phases) == [Phase.HTTP_REQUEST]
    diagnostics = found(text, files={"p.yaml": "on_http_request:\n  - actions: [{ type: bogus }]\n"})
    assert diagnostics[0].span.source.name == "p.yaml"


@pytest.mark.parametrize(
    ("body", "files", "expected"),
    [
        ('traffic_policy_file: "none.yaml"', {}, "bad-policy-file"),
        (
            'traffic_policy_file: "p.policy"',
            {"p.policy": 'endpoint "https://b.internal" -> "http://a:1"'},
            "bad-policy-file",
        ),
        ('traffic_policy_file: "p.policy" on_http_request { deny }', {"p.policy": ""}, "two-policies"),
    ],
)
def test_policy_files_that_cannot_be_used(body: str, files: dict[str, str], expected: str) -> None:
    text = f'endpoint "https://a.internal" -> "http://127.0.0.1:1" {{ {body} }}'
    assert expected in codes(found(text, files=files))


def test_an_endpoint_that_the_caller_serves_is_no_cloud_endpoint() -> None:
    text = 'endpoint "https://app.internal" { on_http_request { when req.method == "TRACE" { deny } } }'
    assert codes(found(text)) == ["falls-off"]
    assert found(text, Options(registered=(url("https://app.internal"),))) == []


def test_loader_is_asked_with_the_naming_source() -> None:
    assert loader_of({"x": "y"})("x", work("").documents[0].source) is not None
