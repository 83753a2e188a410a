"""spec/actions.md §3.13, RFC 7617."""

from __future__ import annotations

import base64

import pytest
from tests.engine.exchanges import FakeServices, checked, config_of, exchange, result, run

from policyc.engine.outcome import Fail, Respond
from policyc.engine.traffic import Exchange

TWO = 'on_http_request { basic-auth { realm: "ops", credentials: ["ops:s3cret:pass", "dev:password"] } }'


def basic(pair: str, scheme: str = "Basic") -> tuple[str, str]:
    return "authorization", f"{scheme} {base64.b64encode(pair.encode()).decode()}"


def presented(x: Exchange) -> dict[str, object]:
    credentials: dict[str, object] = result(x, "basic_auth")["credentials"]
    return credentials


@pytest.mark.parametrize("pair", ["ops:s3cret:pass", "dev:password"])
@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
def test_any_configured_pair_matches_and_the_first_colon_separates(pair: str, scheme: str) -> None:
    x = exchange(lines=[basic(pair, scheme)])
    assert run(TWO, x) is None
    assert presented(x) == {"presented": True, "username": pair.partition(":")[0], "authorized": True}


@pytest.mark.parametrize(
    "pair", ["ops:wrong", "ops:password", "dev:s3cret:pass", ":", "ops", "ops:s3cret:pass "]
)
def test_anything_else_is_a_final_401_with_a_challenge_and_no_code(pair: str) -> None:
    x = exchange(lines=[basic(pair)])
    outcome = run(TWO, x)
    assert outcome == Respond(
        401, [("www-authenticate", 'Basic realm="ops"')], b"", final=True, code=None, reason="basic-auth"
    )
    assert presented(x)["authorized"] is False


@pytest.mark.parametrize(
    "value", ["", "Basic", "Basic !!!", "Bearer b3BzOnMzY3JldDpwYXNz", "Basic b3BzOnMzY3JldDpwYXNz,"]
)
def test_what_is_no_basic_header_is_not_presented(value: str) -> None:
    x = exchange(lines=[("authorization", value)])
    assert isinstance(run(TWO, x), Respond)
    assert presented(x) == {"presented": False, "username": "", "authorized": False}


def test_an_absent_header_and_two_headers_are_refused() -> None:
    assert isinstance(run(TWO, exchange()), Respond)
    assert isinstance(run(TWO, exchange(lines=[basic("dev:password"), basic("ops:wrong")])), Respond)


def test_without_enforce_everybody_goes_on() -> None:
    x = exchange()
    assert run('on_http_request { basic-auth { credentials: ["a:password"], enforce: false } }', x) is None
    assert presented(x)["authorized"] is False


def test_the_header_is_passed_on_and_the_password_is_not_published() -> None:
    x = exchange(lines=[basic("dev:password")])
    run(TWO, x)
    assert x.req.headers.get("authorization") == [basic("dev:password")[1]]
    assert "password" not in str(x.results)


def test_the_default_realm_is_ngrok_and_quotes_are_escaped() -> None:
    outcome = run('on_http_request { basic-auth { credentials: ["a:password"] } }', exchange())
    assert isinstance(outcome, Respond)
    assert outcome.headers == [("www-authenticate", 'Basic realm="ngrok"')]
    outcome = run(
        'on_http_request { basic-auth { realm: "a\\"b", credentials: ["a:password"] } }', exchange()
    )
    assert isinstance(outcome, Respond)
    assert outcome.headers == [("www-authenticate", 'Basic realm="a\\"b"')]


def secretive(credential: str, secret: str, pair: str) -> object:
    services = FakeServices()
    services.secrets = {("v", "s"): secret}
    text = f"on_http_request {{ basic-auth {{ credentials: [{credential}] }} }}"
    return run(text, exchange(lines=[basic(pair)], services=services))


SECRET = "${secrets.get('v', 's')}"


@pytest.mark.parametrize(
    ("credential", "secret", "pair"),
    [
        (f'"ops:{SECRET}"', "password", "ops:password"),
        (f'"{SECRET}:password"', "ops", "ops:password"),
        (f'"{SECRET}"', "ops:pass:word", "ops:pass:word"),
        (f'"pre{SECRET}:password"', "ops", "preops:password"),
        (f'"ops:pass{SECRET}"', "word", "ops:password"),
        (f'"ops:a:b:{SECRET}"', "password", "ops:a:b:password"),
        ("secrets.get('v', 's')", "ops:password", "ops:password"),
    ],
)
def test_a_template_may_give_the_whole_or_a_part(credential: str, secret: str, pair: str) -> None:
    assert secretive(credential, secret, pair) is None


@pytest.mark.parametrize(
    ("credential", "secret", "pair"),
    [
        (f'"ops:{SECRET}"', "pass:word", "ops:pass:word"),
        (f'"{SECRET}:password"', "o:ps", "o:ps:password"),
        (f'"ops:{SECRET}"', "short", "ops:short"),
        (f'"ops:{SECRET}"', "p" * 129, "ops:" + "p" * 129),
        (f'"{SECRET}"', "nocolonhere", "nocolonhere"),
        (f'"{SECRET}"', "ops:short", "ops:short"),
    ],
)
def test_a_value_that_breaks_the_rules_never_matches(credential: str, secret: str, pair: str) -> None:
    outcome = secretive(credential, secret, pair)
    assert isinstance(outcome, Respond)
    assert outcome.status == 401


def test_a_secret_that_cannot_be_had_fails_closed() -> None:
    x = exchange(lines=[basic("ops:password")])
    outcome = run(f'on_http_request {{ basic-auth {{ credentials: ["ops:{SECRET}"] }} }}', x)
    assert isinstance(outcome, Fail)
    assert (outcome.status, outcome.code) == (500, 3900)


@pytest.mark.parametrize("credential", [f"{SECRET}password", f"pre{SECRET}post"])
def test_the_colon_must_be_written_out_beside_a_template(credential: str) -> None:
    found = checked(f'on_http_request {{ basic-auth {{ credentials: ["{credential}"] }} }}').only
    assert found.code.name == "bad-credential"


@pytest.mark.parametrize(
    ("credential", "ngrok"),
    [
        ("ops", 2204),
        ("ops:short", 2237),
        ("ops:" + "p" * 129, 2221),
        ("o\\u0001ps:password", 2257),
        ("ops:pass\\u0001word", 2258),
        ("", 2204),
    ],
)
def test_rules_of_a_literal(credential: str, ngrok: int) -> None:
    found = config_of("basic-auth", f'{{ credentials: ["{credential}"] }}').only
    assert (found.ngrok, found.path) == (ngrok, "on_http_request[0].actions[0].config.credentials[0]")


def test_objects_get_the_hint_to_write_one_text() -> None:
    found = config_of("basic-auth", "{ credentials: [{ username: a, password: password }] }").only
    assert found.hint == 'write one text: "user:password"'


def test_a_literal_password_is_a_warning() -> None:
    found = config_of("basic-auth", '{ credentials: ["a:password"] }').only
    assert (found.code.name, found.severity) == ("secret-in-clear", "warning")
    assert "password" not in (found.hint or "")
    assert checked(f'on_http_request {{ basic-auth {{ credentials: ["ops:{SECRET}"] }} }}').found == []


def test_one_to_ten_credentials_and_a_realm_of_128_ascii_characters() -> None:
    assert config_of("basic-auth", "{ credentials: [] }").only.ngrok == 2223
    assert "too-many-entries" in config_of("basic-auth", f"{{ credentials: {['a:password'] * 11} }}").errors
    for realm in ("r" * 129, "ü"):
        assert (
            len(config_of("basic-auth", f'{{ realm: "{realm}", credentials: ["a:password"] }}').errors) == 1
        )


def test_the_realm_takes_no_interpolation() -> None:
    found = config_of("basic-auth", '{ realm: "${req.host}", credentials: ["a:password"] }')
    assert "literal-template" in found.names
    assert found.errors == []
    assert checked(
        'on_http_request { basic-auth { realm: req.host, credentials: ["a:password"] } }'
    ).errors == ["not-constant"]
