import pytest
from tests.engine.cel.asking import found

from policyc.engine.cel.legacy import snake_case


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("req.Method", "did you mean `req.method`?"),
        ("req.ContentLength", "did you mean `req.content_length`?"),
        ("req.Headers['a']", "did you mean `req.headers`?"),
        ("conn.ClientIP", "did you mean `conn.client_ip`?"),
        ("conn.Geo.CountryCode", "did you mean `conn.geo.country_code`?"),
        ("conn.TLS.Version", "did you mean `conn.tls.version`?"),
        ("req.ClientTLS.Version", "did you mean `conn.tls.version`?"),
        ("request.headers['a']", "did you mean `req.headers`?"),
        ("request.path", "did you mean `req.url.path`?"),
        ("response.status_code", "did you mean `res.status_code`?"),
        ("req.path", "did you mean `req.url.path`?"),
        ("req.query", "did you mean `req.url.query`?"),
        ("req.scheme", "did you mean `req.url.scheme`?"),
        (".ngrok.geo.country_code", "did you mean `conn.geo.country_code`?"),
        ("conn.start_ts", "did you mean `conn.ts.start`?"),
        ("conn.ts.end", "the end of a connection is not known while a policy runs"),
        ("req.body", "policies do not see the body of a request"),
        ("req.body.text", "policies do not see the body of a request"),
        ("conn.country_code", "did you mean `conn.geo.country_code`?"),
        ("conn.client_ip.country_code", "did you mean `conn.client_ip.geo.location.country_code`?"),
        ("identity.email", "did you mean `actions.ngrok.oauth.identity.email`?"),
        ("rec.host", "did you mean `req`?"),
        ("conn.client_pi", "did you mean `conn.client_ip`?"),
    ],
)
def test_old_and_foreign_names_are_answered_with_those_of_today(name: str, hint: str) -> None:
    assert found(name)[0].hint == hint


@pytest.mark.parametrize("name", ["env.SECRET", "LINEAR_WEBHOOK_SECRET"])
def test_the_environment_is_not_read(name: str) -> None:
    hint = found(name)[0].hint
    assert hint is not None
    assert "environment" in hint


@pytest.mark.parametrize(
    ("call", "hint"),
    [
        ("req.host.includes('a')", "did you mean `contains`?"),
        ("req.host.starts_with('a')", "did you mean `startsWith`?"),
        ("req.host.toLowerCase()", "did you mean `lower`?"),
        ("len(req.host)", "did you mean `size`?"),
        ("[1].sort(x, y, x < y)", "did you mean `sortBy(x, key)`?"),
        ("[1].forall(x, x > 0)", "did you mean `all`?"),
        ("req.host.startWith('a')", "did you mean `startsWith`?"),
        ("http.header('a')", "there is no such function; read the variables under `req` and `res`"),
    ],
)
def test_foreign_functions_are_answered_with_ours(call: str, hint: str) -> None:
    only = found(call)[0]
    assert (only.code.id, only.hint) == ("P0203", hint)


@pytest.mark.parametrize(
    ("camel", "snake"),
    [
        ("conn.Geo.CountryCode", "conn.geo.country_code"),
        ("conn.ClientIP", "conn.client_ip"),
        ("conn.TLS.Version", "conn.tls.version"),
        ("req.ClientTLS.SNI", "req.client_tls.sni"),
        ("req.url_path", "req.url_path"),
    ],
)
def test_snake_case(camel: str, snake: str) -> None:
    assert snake_case(camel) == snake
