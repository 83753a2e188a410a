from __future__ import annotations

import pytest
from tests.engine.policies import codes, found, only, program

from policyc.engine.settings import SETTINGS

HEAD = 'endpoint "https://app.internal" -> "http://127.0.0.1:9000"'


@pytest.mark.parametrize(
    ("setting", "code", "number"),
    [
        ('pooling_enabled: "yes"', "bad-setting", 18014),
        ('binding: "private"', "bad-setting", 15005),
        ('bindings: ["internal", "internal"]', "bad-setting", 15006),
        ('bindings: ["internal", "public"]', "bad-setting", 18007),
        (f'description: "{"d" * 256}"', "bad-setting", 18012),
        (f'metadata: "{"m" * 4097}"', "bad-setting", 18013),
        ('upstream: { protocol: "http3" }', "bad-setting", 15003),
        ("upstream: { proxy_protocol: 3 }", "bad-setting", 18014),
        ("name: req.method", "bad-setting", 18014),
        ('name: { a: "b" }', "bad-setting", 18014),
        ('name: "a", name: "b"', "setting-twice", 18014),
        ('binding: "internal", bindings: ["internal"]', "setting-twice", 18014),
        ("pooling: true", "unknown-setting", 18014),
        ("upstream: { tls: true }", "unknown-setting", 18014),
        ("name: 7", "setting-as-text", None),
    ],
)
def test_settings_that_are_wrong(setting: str, code: str, number: int | None) -> None:
    diagnostic = only([each for each in found(f"{HEAD} {{ {setting} }}") if each.severity != "hint"])
    assert (diagnostic.code.name, diagnostic.ngrok) == (code, number)


def test_a_near_name_is_suggested() -> None:
    assert only(found(f"{HEAD} {{ poling_enabled: true }}")).hint == "did you mean `pooling_enabled`?"


def test_settings_may_be_constant_expressions() -> None:
    made = program(
        f'let owner = "shop"\n{HEAD} {{ description: owner + "!", '
        'pooling_enabled: 1 < 2, bindings: ["internal"] }'
    )
    endpoint = made.endpoints[0]
    assert (endpoint.description, endpoint.pooling_enabled) == ("shop!", True)


def test_null_is_like_leaving_a_setting_out() -> None:
    text = (
        "version: 3\nendpoints:\n  - { name: a, url: https://a.internal, description: , upstream: { url: "
        "80, proxy_protocol: } }\n"
    )
    made = program(text, name="a.yaml")
    assert made.endpoints[0].description == ""
    assert "upstream.proxy_protocol" not in made.endpoints[0].settings


def test_an_empty_proxy_protocol_is_none() -> None:
    made = program(f'{HEAD} {{ upstream: {{ proxy_protocol: "" }} }}')
    assert made.endpoints[0].settings == {"upstream.proxy_protocol": None}


def test_paths_are_those_of_the_agent_file() -> None:
    text = (
        "version: 3\nendpoints:\n  - { name: a, url: https://a.internal, upstream: { url: 80, protocol: "
        "spdy } }\n"
    )
    assert only(found(text, name="a.yaml")).path == "endpoints[0].upstream.protocol"


def test_every_setting_says_what_it_is_for() -> None:
    assert all(setting.doc and not setting.doc.endswith(".") for setting in SETTINGS)
    assert "unknown-setting" in codes(found(f"{HEAD} {{ url: 'x' }}"))
