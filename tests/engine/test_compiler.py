from __future__ import annotations

import pytest
from tests.engine.policies import codes, found, only, program

from policyc.engine.compiler import check
from policyc.engine.compiler import compile as compile_documents
from policyc.engine.errors import PolicycError
from policyc.engine.model import EndpointDef, Program
from policyc.engine.options import Options
from policyc.engine.phases import Phase
from policyc.grammar.diagnostic import Report
from policyc.grammar.files import read_document
from policyc.grammar.source import Source

AGENT = """
version: 3
endpoints:
  - name: app
    url: app.internal
    pooling_enabled: true
    metadata: "{}"
    upstream: { url: 9000, protocol: http1 }
    traffic_policy:
      on_http_request:
        - actions: [{ type: deny }]
"""


def test_the_three_front_ends_give_the_same_endpoint_or_policy() -> None:
    agent = only_endpoint(program(AGENT, name="a.yaml"))
    ours = only_endpoint(
        program(
            'endpoint "https://app.internal" -> "http://localhost:9000" { name: "app", pooling_enabled: '
            'true, metadata: "{}", upstream: { protocol: "http1" } on_http_request { deny } }'
        )
    )
    assert (agent.key, agent.upstream, agent.settings, agent.pooling_enabled, agent.name, agent.metadata) == (
        ours.key,
        ours.upstream,
        ours.settings,
        ours.pooling_enabled,
        ours.name,
        ours.metadata,
    )
    assert set(agent.policy.phases) == set(ours.policy.phases) == {Phase.HTTP_REQUEST}


def only_endpoint(made: Program) -> EndpointDef:
    assert len(made.endpoints) == 1
    return made.endpoints[0]


def test_check_collects_what_parsing_found_too() -> None:
    diagnostics = found("on_http_request { deny 401 }\nendpoint ! {}\non_http_response { nope }")
    assert any(each.code.id.startswith("P01") for each in diagnostics)
    assert "unknown-action" in codes(diagnostics)


def test_compile_raises_with_all_diagnostics_and_names_the_first() -> None:
    with pytest.raises(PolicycError) as raised:
        program("on_http_request { bogus }\non_http_response { deny 403 }")
    assert codes(list(raised.value.diagnostics)) == ["unknown-action", "action-not-in-phase"]
    assert "a.policy:1:19" in str(raised.value)
    assert "1 more" in str(raised.value)


def test_strict_refuses_warnings_when_compiling() -> None:
    text = "on_http_request { when true { deny } }"
    assert program(text).policy is not None
    with pytest.raises(PolicycError):
        program(text, Options(strict=True))


def test_what_check_accepts_compile_compiles_except_what_is_not_built() -> None:
    text = "on_http_request { when req.method == 'A' { saml { idp_metadata: '<x/>' } } deny }"
    assert all(each.severity != "error" for each in found(text))
    refused = found(text, Options(for_run=True))
    assert "action-not-built" in codes([each for each in refused if each.severity == "error"])
    with pytest.raises(PolicycError, match="saml"):
        program(text)


def test_several_documents_are_judged_as_one_set() -> None:
    report = Report()
    one = read_document(
        Source(
            "one.policy",
            'endpoint "https://a.internal" { on_http_request { forward-internal "https://b.internal" } }',
        ),
        report,
    )
    two = read_document(
        Source("two.policy", 'endpoint "https://b.internal" -> "http://127.0.0.1:9000"'), report
    )
    assert len(check([one, two])) == 0
    assert codes(check([one]).sorted()) == ["undeclared-target"]
    assert [each.url.url for each in compile_documents([one, two]).endpoints] == [
        "https://a.internal",
        "https://b.internal",
    ]


def test_timings_are_given_to_who_brings_a_clock() -> None:
    timings: list[tuple[str, float]] = []
    check([], clock=lambda: 0.0, timings=timings)
    assert timings
    assert {seconds for _, seconds in timings} == {0.0}


def test_notices_name_the_data_that_policies_read_and_nobody_has() -> None:
    made = program(
        "on_http_request { when conn.geo.country_code == 'DE' { deny } "
        "add-headers { headers: { \"x-a\": \"${secrets.get('v', 'n')}\" } } }"
    )
    text = "\n".join(made.notices)
    assert "`conn.geo.country_code`" in text
    assert "store of secrets" in text
    assert program("on_http_request { deny }").notices == ()


def test_a_finding_is_an_error_of_one_place() -> None:
    diagnostic = only(found("on_http_request { bogus }"))
    assert (diagnostic.span.line, diagnostic.span.column, diagnostic.path) == (
        1,
        19,
        "on_http_request[0].actions[0]",
    )
