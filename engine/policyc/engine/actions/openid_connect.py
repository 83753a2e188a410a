"""Ask users to log in at an OpenID provider."""

from __future__ import annotations

from policyc.engine.action import Action, Ends, Site
from policyc.engine.identity import ALLOW_LIST_HINTS, AUTH_ID, SESSION, check_cookie_domain, session_result
from policyc.engine.phases import Phase, Protocol
from policyc.engine.schema import Cel, Config, Constant, Duration, Schema, Text, Url, field
from policyc.engine.secrets_in_clear import warn_secret

SCHEMA = Schema(
    field("issuer_url", Url(), "URL of the provider, below which its discovery document is", required=True),
    field("client_id", Text(Cel.TEMPLATE, min_length=1), "id of the client at the provider", required=True),
    field("client_secret", Text(Cel.TEMPLATE, min_length=1), "secret of the client", required=True),
    AUTH_ID,
    field(
        "idle_session_duration",
        Duration(),
        "when a session ends that is not used",
        equals=("idle_session_timeout",),  # what the operator sends (spec/actions.md §6, row 12)
    ),
    *SESSION,
    hints=ALLOW_LIST_HINTS,
)


def check_openid_connect(config: Config, site: Site) -> None:
    """Report a cookie domain of others; warn of a secret that is written out."""
    check_cookie_domain(config, site)
    secret = config["client_secret"]
    if isinstance(secret, Constant):
        warn_secret(secret, "the secret of an OpenID client", site)


ACTION = Action(
    name="openid-connect",
    doc="Send users without a session to an OpenID provider. Who may enter is up to later rules, which "
    "read the "
    "identity.",
    schema=SCHEMA,
    phases=frozenset({Phase.HTTP_REQUEST}),
    protocols=frozenset({Protocol.HTTP, Protocol.HTTPS}),
    ends=Ends.MAY,
    result=session_result("oidc", "identity_token"),
    result_name="oidc",  # not openid_connect: spec/actions.md#openid-connect
    check=check_openid_connect,
    aliases=("oidc",),
    authenticates=True,
    example='on_http_request { openid-connect { issuer_url: "https://id.example.com", client_id: "gw", '
    'client_secret: secrets.get("gw", "oidc"), scopes: ["openid", "email"] } }',
    source="spec/actions.md#openid-connect",
)
