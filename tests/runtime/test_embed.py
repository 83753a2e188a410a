from __future__ import annotations

import pytest
from tests.engine.exchanges import FakeServices

from policyc.runtime.embed import PolicycError, compile_policy, decide

LIMITED = (
    'on_http_request { rate-limit "a" { algorithm: "sliding_window", capacity: 1, rate: 60s, '
    "bucket_key: [conn.client_ip] } }"
)


def test_a_decision_needs_nothing_but_a_policy_and_a_request() -> None:
    policy = compile_policy("on_http_request { when req.method == 'TRACE' { deny 405 } }")
    assert decide(policy, method="TRACE").status == 405
    assert decide(policy).outcome == "continue"


def test_rate_limits_are_counted_over_calls() -> None:
    policy = compile_policy(LIMITED, filename="counted.policy")
    assert [decide(policy, client_ip="203.0.113.1").status for _ in range(2)] == [None, 429]


def test_services_can_be_replaced() -> None:
    policy = compile_policy(LIMITED)
    services = FakeServices()
    services.waits = [7]
    assert decide(policy, services=services).status == 429


def test_what_is_wrong_is_raised() -> None:
    with pytest.raises(PolicycError) as raised:
        compile_policy("on_http_request { bogus }")
    assert raised.value.diagnostics[0].code.name == "unknown-action"
