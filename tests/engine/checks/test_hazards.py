from __future__ import annotations

import pytest
from tests.engine.policies import codes, found


@pytest.mark.parametrize(
    "action",
    [
        'verify-webhook { provider: "github", secret: "hunter2hunter2" }',
        'add-headers { headers: { "authorization": "Bearer abcdef" } }',
        'add-headers { headers: { "X-Api-Key": "0123456789" } }',
        'add-headers { headers: { "x-a": "ghp_0123456789abcdefghijABCDEFGHIJ012345" } }',
        'log { metadata: { key: "-----BEGIN RSA PRIVATE KEY-----" } }',
        'set-vars { vars: [{ password: "correct horse" }] }',
    ],
)
def test_secrets_written_out_are_warnings(action: str) -> None:
    diagnostics = found(f"on_http_request {{ {action} }}")
    warned = [each for each in diagnostics if each.code.name in ("literal-secret", "secret-in-clear")]
    assert [each.severity for each in warned] == ["warning"]


@pytest.mark.parametrize(
    "action",
    [
        'verify-webhook { provider: "github", secret: secrets.get("v", "n") }',
        'add-headers { headers: { "authorization": "Bearer ${vars.token}" } }',
        'add-headers { headers: { "x-request": "abc" } }',
        'log { metadata: { note: "the password is wrong" } }',
    ],
)
def test_what_is_no_secret_is_no_hazard(action: str) -> None:
    assert not {"literal-secret", "secret-in-clear"} & set(codes(found(f"on_http_request {{ {action} }}")))


def test_what_an_action_says_of_its_own_fields_is_not_said_twice() -> None:
    diagnostics = codes(found('on_http_request { basic-auth { credentials: ["ops:long enough"] } }'))
    assert len([name for name in diagnostics if "secret" in name]) == 1
