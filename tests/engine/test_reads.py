from __future__ import annotations

from tests.engine.policies import program, work

from policyc.engine.reads import nodes_of, sources_of


def test_a_policy_publishes_what_it_reads_in_conditions_and_configs() -> None:
    made = program(
        "on_http_request { when hasReqHeader('a') && req.url.path == '/' && has(req.content_type) { "
        'log { metadata: { a: "${conn.client_ip}-${req.host}", b: [time.now] } } } }'
    )
    assert made.policy is not None
    assert made.policy.reads >= {"req.url.path", "conn.client_ip", "req.host", "time.now"}
    assert "req.method" not in made.policy.reads


def test_secrets_are_among_what_is_read() -> None:
    made = program('on_http_request { add-headers { headers: { "x-a": secrets.get("v", "n") } } }')
    assert made.policy is not None
    assert made.policy.reads == {"secrets"}


def test_data_sources_are_named_with_what_needs_them() -> None:
    policy = work(
        "on_http_request { when conn.geo.city == 'A' && req.user_agent.name == 'b' { deny } }"
    ).policies[0]
    assert sources_of(nodes_of(policy)) == {"geo": {"conn.geo.city"}, "user_agent": {"req.user_agent.name"}}
