"""An endpoint that a program declares is the one that a file would have declared."""

from __future__ import annotations

import pytest

from policyc.engine.embed import compile_policy
from policyc.engine.errors import PolicycError
from policyc.engine.model import EMPTY_POLICY, NOTHING, Program
from policyc.engine.phases import Phase
from policyc.grammar.frozen import replace
from policyc.runtime.declare import declare
from policyc.runtime.gateway import Gateway
from policyc.runtime.program import compile_program


def test_it_is_what_a_file_declares() -> None:
    text = (
        'endpoint "https://App.internal:9000" -> "9001" { account: "one" pooling_enabled: true '
        "upstream: { tls_verify: true, proxy_protocol: 2 } }"
    )
    (declared,) = compile_program(text).endpoints
    made = declare(
        "https://App.internal:9000",
        upstream="9001",
        account="one",
        pooling_enabled=True,
        settings={"upstream.tls_verify": True, "upstream.proxy_protocol": "2"},
    )
    shared = {"policy": EMPTY_POLICY, "span": None, "settings": NOTHING}
    assert replace(made, **shared) == replace(declared, **shared)
    assert dict(made.settings) == {"upstream.tls_verify": True, "upstream.proxy_protocol": 2}
    assert made.settings.items() <= declared.settings.items()


def test_one_policy_serves_many_endpoints() -> None:
    policy = compile_policy("on_http_request { deny 405 }")
    made = [declare(f"https://shop{n}.example.com", policy=policy) for n in range(3)]
    gateway = Gateway(Program(tuple(made)))
    found = [gateway.snapshot.public.find(f"shop{n}.example.com") for n in range(3)]
    runs = {pool.choose().on_http_request for pool in found if pool is not None}
    assert runs == {policy.phases[Phase.HTTP_REQUEST]}


@pytest.mark.parametrize(
    ("url", "more", "words"),
    [
        ("https://a.example/x", {}, "`https://a.example/x` is no URL of an endpoint"),
        (
            "tcp://a.internal:1",
            {"upstream": "http://x"},
            "tcp://a.internal:1: `http://x` is no upstream of it",
        ),
        ("https://a.example", {"settings": {"upstream.protocl": "http2"}}, "no setting `upstream.protocl`"),
        ("https://a.example", {"settings": {"name": "x"}}, "no setting `name` to be given so"),
        (
            "https://a.example",
            {"settings": {"upstream.proxy_protocol": 3}},
            "`upstream.proxy_protocol` must be `1` or `2`",
        ),
    ],
)
def test_what_is_no_endpoint_is_refused_with_a_reason(url: str, more: dict[str, object], words: str) -> None:
    with pytest.raises(PolicycError, match=words):
        declare(url, **more)  # type: ignore[arg-type]
