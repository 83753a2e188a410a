from __future__ import annotations

from tests.engine.policies import codes, found

BASIC = 'basic-auth { credentials: ["ops:${secrets.get(\\"v\\", \\"n\\")}"] }'


def test_a_second_authentication_in_a_phase_is_a_warning() -> None:
    text = f'on_http_request {{ when req.method == "A" {{ {BASIC} }} when req.method == "B" {{ {BASIC} }} }}'
    warned = [each for each in found(text) if each.code.name == "two-authentications"]
    assert [(each.severity, each.ngrok, each.path) for each in warned] == [
        ("warning", 2239, "on_http_request[1].actions[0]")
    ]


def test_one_authentication_is_none_too_many() -> None:
    assert "two-authentications" not in codes(found(f"on_http_request {{ {BASIC} }}"))
