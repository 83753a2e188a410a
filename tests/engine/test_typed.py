from __future__ import annotations

from tests.engine.policies import codes, found, only


def test_what_an_action_publishes_is_known_to_the_rules_after_it() -> None:
    use = "log { metadata: { a: actions.ngrok.redirect.url } }"
    redirect = 'when req.method == "A" { redirect { from: "/a", to: "/b" } }'
    assert found(f"on_http_request {{ {redirect} {use} }}") == []
    assert codes(found(f"on_http_request {{ {use} {redirect} }}")) == ["no-result-yet"]


def test_results_of_the_request_are_readable_in_the_response() -> None:
    redirect = 'on_http_request { when req.method == "A" { redirect { from: "/a", to: "/b" } } }'
    use = "on_http_response { log { metadata: { a: actions.ngrok.redirect.url } } }"
    assert found(f"{use}\n{redirect}") == []


def test_vars_live_for_one_phase() -> None:
    text = (
        "on_http_request { set-vars { vars: [{ a: 1 }] } }\non_http_response { log { metadata: { a: vars.a "
        "} } }"
    )
    assert codes(found(text)) == ["unset-var"]
    assert found("on_http_request { set-vars { vars: [{ a: 1 }] } log { metadata: { a: vars.a } } }") == []


def test_a_condition_must_be_a_bool() -> None:
    diagnostic = only(found("on_http_request { when req.method { deny } }"))
    assert (diagnostic.code.name, diagnostic.path) == ("wrong-type", "on_http_request[0].expressions[0]")


def test_reused_rules_are_checked_in_each_phase_that_uses_them() -> None:
    text = (
        "rules r { when res.status_code > 499 { log { metadata: { a: 1 } } } }\non_http_request { use r }\n"
        "on_http_response { use r }"
    )
    diagnostic = only(found(text))
    assert (diagnostic.code.name, diagnostic.span.text, diagnostic.span.line) == (
        "variable-not-in-phase",
        "use r",
        2,
    )


def test_a_let_may_be_used_only_where_its_variables_exist() -> None:
    text = "let broken = res.status_code > 499\non_http_request { when broken { deny } }"
    diagnostic = only(found(text))
    assert (diagnostic.code.name, diagnostic.span.text, diagnostic.span.line) == (
        "variable-not-in-phase",
        "broken",
        2,
    )


def test_lets_and_rules_that_nothing_uses_are_checked_as_far_as_it_goes() -> None:
    assert codes(found("let a = req.methd")) == ["no-such-field"]
    assert found("let a = res.status_code > 499 && req.method == 'A'") == []
    assert codes(found("rules r { bogus }")) == ["unknown-action"]
    assert found("rules r { when res.status_code > 499 { log { metadata: { a: 1 } } } }") == []
    assert codes(found("rules r { compress-response deny }"))[:1] == ["action-not-in-phase"]
