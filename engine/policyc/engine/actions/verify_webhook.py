"""Let in only webhooks that their provider signed."""

from __future__ import annotations

from policyc.engine.action import Action, Ends, Site
from policyc.engine.phases import Phase, Protocol
from policyc.engine.schema import Boolean, Cel, Config, Constant, Enum, Schema, Text, codes, field
from policyc.engine.secrets_in_clear import warn_secret
from policyc.engine.types import BOOL, ERROR_RECORD, Field, Record
from policyc.grammar.codes import declare

SECRET_UNUSED = declare(
    "P0370",
    "secret-unused",
    "a webhook provider takes no secret",
    explanation="Messages of `sns` are signed with a certificate that is fetched, so there is no shared "
    "secret.",
    wrong='on_http_request { verify-webhook { provider: "sns", secret: secrets.get("gw", "sns") } }',
    right='on_http_request { verify-webhook { provider: "sns" } }',
    severity="warning",
    ngrok=7026,
)

PROVIDERS = (
    "aftership airship alchemy sns autodesk bitbucket bolt box brex buildkite calendly castle chargify "
    "circleci "
    "clearbit clerk coinbase contentful docusign dropbox facebook_graph_api facebook_messenger frameio "
    "github gitlab "
    "go1 heroku hostedhooks hubspot graphcms instagram intercom jira launch_darkly linear mailchimp mailgun "
    "microsoft_teams modern_treasury mongodb mux orb orbit pagerduty pinwheel plivo pusher sendgrid "
    "sentry shopify "
    "signal_sciences slack sonatype square stripe svix terraform tiktok trendmicro_conformity twilio "
    "twitter typeform "
    "vmware webex whatsapp worldline xero zendesk zoom"
)
# As their own guides spell them (spec/actions.md#verify-webhook).
ALIASES = {
    "signalsciences": "signal_sciences",
    "sonatype_nexus": "sonatype",
    "vmware_workspace": "vmware",
}

SCHEMA = Schema(
    field(
        "provider", Enum(*sorted(PROVIDERS.split()), aliases=ALIASES), "who signs the webhooks", required=True
    ),
    field("secret", Text(Cel.TEMPLATE, min_length=1), "the shared secret, or the provider's public key"),
    field("enforce", Boolean(), "false: set the result variables and let everything in", default=True),
)
RESULT = Record(
    "verify_webhook",
    (),
    {
        "verified": Field(BOOL, "whether the signature was good"),
        "error": Field(ERROR_RECORD, "what failed"),
    },
)


def check_verify_webhook(config: Config, site: Site) -> None:
    """Report a missing secret, one that is not used, and one that is written out."""
    secret = config.get("secret")
    if config.constant("provider", str) == "sns":
        if secret is not None:
            site.report.add(
                SECRET_UNUSED, "`sns` takes no secret", secret.span, hint="leave it out", path=secret.path
            )
    elif secret is None:
        site.report.add(
            codes.MISSING_FIELD,
            "`verify-webhook` needs the field `secret`",
            config.span,
            path=f"{config.path}.secret",
        )
    elif isinstance(secret, Constant):
        warn_secret(secret, "the secret of a webhook", site)


ACTION = Action(
    name="verify-webhook",
    doc="Let in only requests whose signature is that of the provider; others get 403.",
    schema=SCHEMA,
    phases=frozenset({Phase.HTTP_REQUEST}),
    protocols=frozenset({Protocol.HTTP, Protocol.HTTPS}),
    ends=Ends.MAY,
    result=RESULT,
    result_name="verify_webhook",
    check=check_verify_webhook,
    example='on_http_request { verify-webhook { provider: "github", secret: secrets.get("gw", "gh") } }',
    source="spec/actions.md#verify-webhook",
)
