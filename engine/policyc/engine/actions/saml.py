"""Ask users to log in at a SAML identity provider."""

from __future__ import annotations

from policyc.engine.action import Action, Ends, Site
from policyc.engine.identity import identity
from policyc.engine.phases import Phase, Protocol
from policyc.engine.schema import Boolean, Cel, Config, ListOf, Schema, Text, Url, codes, field
from policyc.engine.types import ERROR_RECORD, STRING, Field, Record, list_of, map_of
from policyc.grammar.codes import declare

TWO_SOURCES = declare(
    "P0377",
    "two-metadata-sources",
    "saml has its metadata twice",
    explanation="The metadata of the identity provider is given in the document or fetched from a URL, "
    "not both.",
    wrong='on_http_request { saml { idp_metadata: "<EntityDescriptor/>", idp_metadata_url: '
    '"https://id.example.com" } }',
    right='on_http_request { saml { idp_metadata_url: "https://id.example.com/metadata" } }',
    ngrok=7081,
)

SCHEMA = Schema(
    field("idp_metadata", Text(Cel.TEMPLATE, min_length=1), "metadata of the identity provider, XML"),
    field("idp_metadata_url", Url(), "where the metadata is fetched from"),
    field("force_authn", Boolean(), "ask the provider to authenticate anew", default=False),
    field("allow_idp_initiated", Boolean(), "accept logins that the provider began", default=False),
    field("authorized_groups", ListOf(Text(min_length=1)), "groups that may enter"),
    field("entity_id", Text(min_length=1), "name of the gateway at the provider"),
    field("assertion_consumer_service_url", Url(), "where the provider sends users back to"),
)


def check_saml(config: Config, site: Site) -> None:
    """Report metadata that is missing or given twice."""
    given = [name for name in ("idp_metadata", "idp_metadata_url") if name in config.given]
    if not given:
        site.report.add(
            codes.MISSING_FIELD,
            "`saml` needs the field `idp_metadata` or `idp_metadata_url`",
            config.span,
            path=f"{config.path}.idp_metadata",
        )
    elif len(given) == 2:
        site.report.add(
            TWO_SOURCES,
            "`idp_metadata` and `idp_metadata_url` exclude each other",
            config.span_of("idp_metadata_url"),
            hint="keep one of them",
            path=config["idp_metadata_url"].path,
        )


ACTION = Action(
    name="saml",
    doc="Send users without a session to a SAML identity provider.",
    schema=SCHEMA,
    phases=frozenset({Phase.HTTP_REQUEST}),
    protocols=frozenset({Protocol.HTTP, Protocol.HTTPS}),
    ends=Ends.MAY,
    result=Record(
        "saml",
        (),
        {
            "identity": Field(identity("saml"), "who is logged in"),
            "attributes": Field(map_of(STRING, list_of(STRING)), "what the provider says of the user"),
            "error": Field(ERROR_RECORD, "what failed"),
        },
    ),
    result_name="saml",
    check=check_saml,
    authenticates=True,
    example='on_http_request { saml { idp_metadata_url: "https://id.example.com/metadata" } }',
    source="spec/actions.md#saml",
)
