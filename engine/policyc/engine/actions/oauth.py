"""Ask users to log in at a well-known identity provider."""

from __future__ import annotations

from policyc.engine.action import Action, Ends, Site
from policyc.engine.identity import (
    ALLOW_LIST_HINTS,
    AUTH_ID,
    CLIENT_ID,
    CLIENT_SECRET,
    SESSION,
    check_cookie_domain,
    report_missing_client,
    session_result,
)
from policyc.engine.phases import Phase, Protocol
from policyc.engine.schema import Config, Constant, Duration, Enum, Schema, field
from policyc.engine.secrets_in_clear import warn_secret
from policyc.grammar.codes import declare

NO_OWN_CLIENT = declare(
    "P0900",
    "no-own-client",
    "oauth has no client of its own",
    explanation="A hosted service can share one client with all its users; a gateway of your own has none to "
    "share. Register a client at the provider and give its id and secret.",
    wrong='on_http_request { oauth { provider: "google" } }',
    right='on_http_request { oauth { provider: "google", client_id: "id", client_secret: '
    'secrets.get("gw", "google") } }',
    severity="warning",
)
UNSHARED_CLIENT = declare(
    "P0310",
    "client-needed",
    "the provider needs a client of one's own",
    explanation="For Amazon and Facebook not even the hosted service has a client to share, so `client_id` "
    "and `client_secret` must be given everywhere.",
    wrong='on_http_request { oauth { provider: "amazon" } }',
    right='on_http_request { oauth { provider: "amazon", client_id: "id", client_secret: '
    'secrets.get("gw", "amazon") } }',
    ngrok=5535,
)
SCOPES_WITHOUT_CLIENT = declare(
    "P0376",
    "scopes-without-client",
    "oauth asks a shared client for further scopes",
    explanation="Further scopes need a client of one's own, which is registered for them.",
    wrong='on_http_request { oauth { provider: "github", scopes: ["repo"] } }',
    right='on_http_request { oauth { provider: "github", client_id: "id", client_secret: '
    'secrets.get("gw", "gh"), '
    'scopes: ["repo"] } }',
    severity="warning",
)

PROVIDERS = ("amazon", "facebook", "github", "gitlab", "google", "linkedin", "microsoft", "twitch")

UNSHARED = ("amazon", "facebook")

SCHEMA = Schema(
    field("provider", Enum(*PROVIDERS), "where users log in", required=True),
    AUTH_ID,
    CLIENT_ID,
    CLIENT_SECRET,
    field("idle_session_timeout", Duration(), "when a session ends that is not used"),
    *SESSION,
    hints={**ALLOW_LIST_HINTS, "idle_session_duration": "the field is called `idle_session_timeout`"},
)


def check_oauth(config: Config, site: Site) -> None:
    """Warn of a missing client, and of a secret that is written out."""
    check_cookie_domain(config, site)
    provider = config.constant("provider", str)
    if provider in UNSHARED:
        report_missing_client(config, site, UNSHARED_CLIENT, f"nobody shares a client of `{provider}`")
    else:
        report_missing_client(config, site, NO_OWN_CLIENT, "a gateway of your own has no client to share")
    if "scopes" in config.given and "client_id" not in config.given:
        site.report.add(
            SCOPES_WITHOUT_CLIENT,
            "`scopes` need a client of your own",
            config.span_of("scopes"),
            path=config["scopes"].path,
        )
    secret = config.get("client_secret")
    if isinstance(secret, Constant):
        warn_secret(secret, "the secret of an OAuth client", site)


def unavailable(config: Config) -> str | None:
    """Return why this installation cannot run the action with this config."""
    has_client = "client_id" in config.given and "client_secret" in config.given
    return None if has_client else "oauth needs a client of its own: `client_id` and `client_secret`"


ACTION = Action(
    name="oauth",
    doc="Send users without a session to an identity provider. Who may enter is up to later rules, which "
    "read the "
    "identity.",
    schema=SCHEMA,
    phases=frozenset({Phase.HTTP_REQUEST}),
    protocols=frozenset({Protocol.HTTP, Protocol.HTTPS}),
    ends=Ends.MAY,
    result=session_result("oauth"),
    result_name="oauth",
    check=check_oauth,
    unavailable=unavailable,
    authenticates=True,
    example='on_http_request { oauth { provider: "github", client_id: "abc", client_secret: '
    'secrets.get("gw", "gh") } }',
    source="spec/actions.md#oauth",
)
