"""What the actions that ask an identity provider share: fields of the session, and parts of the result.

Sources: spec/actions.md#oauth, #openid-connect.
"""

from __future__ import annotations

from policyc.engine.action import Site
from policyc.engine.phases import Binding
from policyc.engine.schema import (
    Boolean,
    Cel,
    Config,
    Duration,
    Field,
    ListOf,
    MapOf,
    Text,
    field,
)
from policyc.engine.schema.evaluate import Unfit
from policyc.engine.schema.kinds import Matched
from policyc.engine.types import BOOL, ERROR_RECORD, STRING, Record
from policyc.engine.types import Field as RecordField
from policyc.grammar.codes import declare

BAD_DOMAIN = declare(
    "P0367",
    "bad-cookie-domain",
    "a text is not a domain",
    explanation="The domain of a session cookie is a domain that the endpoint's host belongs to, such as "
    "`example.com` for `app.example.com`.",
    wrong='on_http_request { oauth { provider: "github", client_id: "a", client_secret: "b", '
    'auth_cookie_domain: "https://example.com" } }',
    right='on_http_request { oauth { provider: "github", client_id: "a", client_secret: "b", '
    'auth_cookie_domain: "example.com" } }',
    ngrok=2243,
)

NO_LISTS = (
    "there are no allow lists: deny in a later rule, by an expression on the identity that the action gives"
)
ALLOW_LIST_HINTS = dict.fromkeys(
    (
        "email_addresses",
        "email_domains",
        "allow_domains",
        "allow_emails",
        "allowed_domains",
        "allowed_emails",
        "allowed_email_addresses",
        "allowed_email_domains",
    ),
    NO_LISTS,
)


OTHER_DOMAIN = declare(
    "P0374",
    "foreign-cookie-domain",
    "the cookie domain is not one of the endpoint",
    explanation="A browser keeps a cookie only for a domain that the host belongs to: with another one every "
    "login would be forgotten at once.",
    wrong='endpoint "https://app.example.com" { on_http_request { oauth { provider: "github", client_id: '
    '"a", client_secret: secrets.get("gw", "gh"), auth_cookie_domain: "example.org" } deny } }',
    right='endpoint "https://app.example.com" { on_http_request { oauth { provider: "github", client_id: '
    '"a", client_secret: secrets.get("gw", "gh"), auth_cookie_domain: "example.com" } deny } }',
    ngrok=2241,
)


def check_cookie_domain(config: Config, site: Site) -> None:
    """Report a cookie domain that the endpoint's host does not belong to, as far as the host is known."""
    domain = config.get("auth_cookie_domain")
    if domain is None or site.host is None or site.binding is not Binding.PUBLIC:
        return  # the clients of an internal endpoint see the host of another one
    host = site.host.removeprefix("*.")
    wanted = str(domain.value).lower().removeprefix(".")
    if host != "*" and host != wanted and not host.endswith(f".{wanted}"):
        message = f"`{domain.value}` is no domain that `{site.host}` belongs to"
        site.report.add(OTHER_DOMAIN, message, domain.span, path=domain.path)


def _domain(text: str) -> str:
    labels = text.removeprefix(".").split(".")
    sound = all(label and len(label) <= 63 and label.replace("-", "a").isalnum() for label in labels)
    if not sound or len(labels) < 2 or len(text) > 253:
        raise Unfit(BAD_DOMAIN, f"is no domain: `{text}`", hint="write a host name such as `example.com`")
    return text


AUTH_ID = field("auth_id", Text(min_length=1), "separates the sessions of several such actions")
CLIENT_ID = field("client_id", Text(Cel.TEMPLATE, min_length=1), "id of the own client at the provider")
CLIENT_SECRET = field("client_secret", Text(Cel.TEMPLATE, min_length=1), "secret of the own client")

SESSION: tuple[Field, ...] = (
    field("scopes", ListOf(Text(min_length=1)), "further scopes to ask for"),
    field("authz_url_params", MapOf(Text(min_length=1), Text()), "further query parameters of the login URL"),
    field("max_session_duration", Duration(), "when a session ends in any case"),
    field("userinfo_refresh_interval", Duration(), "how often the user's data is read again"),
    field("allow_cors_preflight", Boolean(), "let CORS preflights pass without a login", default=False),
    field("auth_cookie_domain", Matched("a domain", _domain), "domain of the session cookie"),
)


def identity(name: str) -> Record:
    """Return the record of a user; its session has both names in use (spec/actions.md §6, row 13)."""
    return Record(
        f"{name}.identity",
        (),
        {
            "id": RecordField(STRING, "id of the identity here"),
            "email": RecordField(STRING, "mail address"),
            "name": RecordField(STRING, "name"),
            "provider_user_id": RecordField(STRING, "id of the user at the provider"),
            "current_session_id": RecordField(STRING, "id of the session"),
            "current_provider_session_id": RecordField(STRING, "id of the session"),
        },
    )


def session_result(name: str, *more: str) -> Record:
    """Return the result record of an action that keeps a session; `more` are further fields of text."""
    texts = ("access_token", "refresh_token", "expires_at", *more)
    flags = ("session_timed_out", "session_max_duration_reached", "userinfo_refreshed", "user_info_refreshed")
    return Record(
        name,
        (),
        {
            "error": RecordField(ERROR_RECORD, "what failed"),
            "identity": RecordField(identity(name), "who is logged in"),
            **{text: RecordField(STRING, text.replace("_", " ")) for text in texts},
            **{flag: RecordField(BOOL, flag.replace("_", " ")) for flag in flags},
        },
    )


def report_missing_client(config: Config, site: Site, code: object, why: str) -> None:
    """Report an action without an own client, at the place where it would stand."""
    from policyc.grammar.codes import Code

    assert isinstance(code, Code)
    for name in ("client_id", "client_secret"):
        if name not in config.given:
            site.report.add(code, f"`{name}` is missing: {why}", config.span, path=f"{config.path}.{name}")
