"""Let in only requests with valid JSON web tokens."""

from __future__ import annotations

from policyc.engine.action import Action, Ends, Site
from policyc.engine.phases import Phase, Protocol
from policyc.engine.schema import (
    Cel,
    Config,
    Enum,
    Items,
    ListOf,
    ObjectOf,
    OneOrList,
    Schema,
    Text,
    Url,
    codes,
    field,
)
from policyc.engine.schema.evaluate import Unfit
from policyc.engine.schema.kinds import Matched
from policyc.engine.types import BOOL, DYN, ERROR_RECORD, STRING, Field, Record, list_of, map_of
from policyc.grammar.codes import declare

NO_SIGNATURE = declare(
    "P0375",
    "unsigned-tokens",
    "tokens without a signature would be accepted",
    explanation="A token with algorithm `none` has no signature, so anybody can make one.",
    wrong="on_http_request:\n  - actions:\n      - type: jwt-validation\n        config:\n"
    "          issuer: { allow_list: [{ value: https://id.example.com/ }] }\n"
    "          http: { tokens: [{ type: jwt, method: header, name: Authorization }] }\n"
    "          jws: { allowed_algorithms: [none], keys: { sources: { additional_jkus: "
    "[https://id.example.com/k] } } }",
    right='on_http_request { jwt-validation { issuer: { allow_list: [{ value: "https://id.example.com/" '
    "}] }, "
    'http: { tokens: [{ type: "jwt", method: "header", name: "Authorization" }] }, '
    'jws: { allowed_algorithms: ["RS256"], keys: { sources: '
    '{ additional_jkus: ["https://id.example.com/k"] } } } } }',
    ngrok=2222,
)

ALGORITHMS = (
    *(f"{family}{bits}" for family in ("RS", "PS", "ES", "HS") for bits in (256, 384, 512)),
    "EdDSA",
)


def _algorithm(text: str) -> str:
    if text.lower() == "none":
        raise Unfit(NO_SIGNATURE, "may not hold `none`: such tokens have no signature")
    if text not in ALGORITHMS:
        from policyc.grammar.nearest import nearest

        near = nearest(text, ALGORITHMS)
        raise Unfit(
            codes.NOT_ALLOWED,
            f"holds no signature algorithm: `{text}`",
            hint=f"did you mean `{near}`?" if near else "such as `RS256` or `ES256`",
        )
    return text


def _allow_list(cel: Cel, doc: str) -> ObjectOf:
    value = field("value", Text(cel, min_length=1), doc, required=True)
    return ObjectOf(
        field("allow_list", ListOf(ObjectOf(value), least=1, unique=True), "accepted values", required=True)
    )


TOKEN = ObjectOf(
    field(
        "type",
        Enum("id_token", "access_token", "at+jwt", "it+jwt", "plain", "jwt"),
        "what kind of token it is",
        required=True,
    ),
    field("method", Enum("header", "body"), "where the token is", required=True),
    field(
        "name",
        Text(Cel.TEMPLATE, min_length=1),
        "name of the header or of the field in the body",
        required=True,
    ),
    field("prefix", Text(Cel.TEMPLATE), "what stands before the token, such as `Bearer ` with its blank"),
)
KEYS = ObjectOf(
    field(
        "sources",
        OneOrList(
            ObjectOf(
                field(
                    "additional_jkus",
                    ListOf(Url(Cel.TEMPLATE), least=1, most=100),
                    "URLs of key sets",
                    required=True,
                )
            )
        ),
        "where the keys are",
        required=True,
    ),
    field(
        "identification",
        OneOrList(ObjectOf(field("token_claims", ListOf(Enum("kid")), "claims that pick the key"))),
        "how the key is picked",
    ),
)
SCHEMA = Schema(
    field(
        "issuer",
        _allow_list(Cel.TEMPLATE, "accepted `iss`, character by character"),
        "who may issue",
        required=True,
    ),
    field("audience", _allow_list(Cel.NONE, "accepted `aud`"), "whom the tokens are for"),
    field(
        "http",
        ObjectOf(
            field(
                "tokens", ListOf(TOKEN, least=1), "the tokens that must be there, all of them", required=True
            )
        ),
        "where in the request the tokens are",
        required=True,
    ),
    field(
        "jws",
        ObjectOf(
            field(
                "allowed_algorithms",
                ListOf(Matched("a signature algorithm", _algorithm), least=1, unique=True),
                "signature algorithms that are accepted",
                required=True,
            ),
            field("keys", OneOrList(KEYS), "the keys that signatures are checked with", required=True),
        ),
        "how the tokens are signed",
        required=True,
    ),
)

TOKEN_RESULT = Record(
    "jwt_validation.token",
    (),
    {
        "header": Field(map_of(STRING, DYN), "header of the token"),
        "payload": Field(map_of(STRING, DYN), "claims of the token"),
        "signature": Field(STRING, "its signature"),
        "location": Field(STRING, "`header` or `body`"),
        "location_property": Field(STRING, "name of the header or field"),
        "verified": Field(BOOL, "whether the signature was good"),
    },
)


def check_jwt_validation(config: Config, site: Site) -> None:
    """Report a token that is asked for twice."""
    seen: set[tuple[str, str]] = set()
    for item in _tokens(config):
        if not item["name"].is_constant:
            continue
        where = (item.constant("method", str), item.constant("name", str).lower())
        if where in seen:
            site.report.add(
                codes.DUPLICATES,
                f"the token in {where[0]} `{where[1]}` is asked for twice",
                item.span,
                path=item.path,
            )
        seen.add(where)


def _tokens(config: Config) -> list[Config]:
    tokens = config.object("http")["tokens"]
    items = tokens.items if isinstance(tokens, Items) else ()
    return [item for item in items if isinstance(item, Config)]


ACTION = Action(
    name="jwt-validation",
    doc="Let in only requests whose tokens are signed by a known key, from a known issuer and for the right "
    "audience. Later rules read the claims.",
    schema=SCHEMA,
    phases=frozenset({Phase.HTTP_REQUEST}),
    protocols=frozenset({Protocol.HTTP, Protocol.HTTPS}),
    ends=Ends.MAY,
    result=Record(
        "jwt_validation",
        (),
        {
            "tokens": Field(list_of(TOKEN_RESULT), "the tokens, in the order of the config"),
            "error": Field(ERROR_RECORD, "what failed"),
        },
    ),
    result_name="jwt_validation",
    check=check_jwt_validation,
    authenticates=True,
    example="on_http_request { jwt-validation { issuer: { allow_list: [{ value: "
    '"https://id.example.com/" }] }, '
    'http: { tokens: [{ type: "jwt", method: "header", name: "Authorization", prefix: "Bearer " }] }, '
    'jws: { allowed_algorithms: ["RS256"], keys: { sources: '
    '{ additional_jkus: ["https://id.example.com/jwks.json"] } } } } }',
    source="spec/actions.md#jwt-validation",
)
