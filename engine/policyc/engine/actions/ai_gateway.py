"""Send the request to one of several language models."""

from __future__ import annotations

from policyc.engine.action import Action, Ends, Site
from policyc.engine.phases import Phase, Protocol
from policyc.engine.schema import (
    Boolean,
    Cel,
    Config,
    Duration,
    Enum,
    Expression,
    HeaderMap,
    HeaderName,
    Integer,
    Items,
    Json,
    ListOf,
    MapOf,
    ObjectOf,
    Schema,
    Text,
    Url,
    field,
)
from policyc.engine.types import DYN, ERROR_RECORD, INT, STRING, Field, Record, list_of
from policyc.grammar.codes import declare

AI_DEPRECATED = declare(
    "P0378",
    "ai-gateway-deprecated",
    "ai-gateway is deprecated",
    explanation="The action was deprecated in June 2026. Forwarding to an LLM proxy behind an internal "
    "endpoint "
    "does most of what it did.",
    wrong="on_http_request { ai-gateway }",
    right='on_http_request { forward-internal "https://llm.internal" }',
    severity="warning",
)
BASE_URL_IN_CLEAR = declare(
    "P0379",
    "provider-in-clear",
    "a provider outside is asked over http",
    explanation="Prompts and keys would cross the network unencrypted; plain http is for internal "
    "endpoints only.",
    wrong='on_http_request { ai-gateway { providers: [{ id: "x", base_url: "http://llm.example.com" }] } }',
    right='on_http_request { ai-gateway { providers: [{ id: "x", base_url: "https://llm.example.com" }] } }',
    ngrok=2226,
)

MINUTE_NS = 60 * 10**9
TOKENS = Integer(1, 500_000)
NAMES = ListOf(Text(min_length=1))
STRATEGY = ObjectOf(
    # They read `ai.models` and `ai.keys`, which no other expression of a policy does.
    field("strategy", ListOf(Expression(checked=False)), "expressions; the first that yields something wins")
)

MODEL = ObjectOf(
    field("id", Text(min_length=1), "id of the model", required=True),
    field("id_aliases", NAMES, "other ids"),
    field("author_id", Text(), "who made it"),
    field("display_name", Text(), "name for people"),
    field("description", Text(), "what it is"),
    field("disabled", Boolean(), "leave it out", default=False),
    field("metadata", Json(), "anything, for strategies"),
    field("input_modalities", NAMES, "what it reads"),
    field("output_modalities", NAMES, "what it makes"),
    field("max_context_window", Integer(1), "tokens that it can hold"),
    field("max_output_tokens", Integer(1), "tokens that it can make"),
    field("supported_features", NAMES, "features that it has"),
    field(
        "unsupported_params",
        ListOf(ObjectOf(field("name", Text(min_length=1), "name of the parameter", required=True))),
        "parameters that are removed",
    ),
)
PROVIDER = ObjectOf(
    field("id", Text(min_length=1), "id of the provider", required=True),
    field("id_aliases", NAMES, "other ids"),
    field("base_url", Url(), "URL of its API"),
    field("display_name", Text(), "name for people"),
    field("description", Text(), "what it is"),
    field("website", Text(), "where to read about it"),
    field("disabled", Boolean(), "leave it out", default=False),
    field("metadata", Json(), "anything, for strategies"),
    field(
        "api_keys",
        ListOf(ObjectOf(field("value", Text(Cel.TEMPLATE, min_length=1), "the key", required=True))),
        "keys, tried in order",
    ),
    field(
        "supported_api_surfaces",
        ListOf(
            ObjectOf(
                field("format", Enum("openai", "anthropic"), "format of the API", required=True),
                field(
                    "surface",
                    Enum("chat-completions", "responses", "messages"),
                    "part of the API",
                    required=True,
                ),
                field(
                    "supported_params",
                    ListOf(
                        ObjectOf(field("name", Text(min_length=1), "name of the parameter", required=True))
                    ),
                    "parameters that are kept",
                ),
            )
        ),
        "APIs that it has",
    ),
    field("models", ListOf(MODEL), "models that it has"),
)
SCHEMA = Schema(
    field("max_input_tokens", TOKENS, "longest prompt that is let through"),
    field("max_output_tokens", TOKENS, "longest completion that is asked for"),
    field("headers", HeaderMap(HeaderName(), most=None), "headers added for the provider"),
    field(
        "query_params",
        MapOf(Text(min_length=1), Text(Cel.TEMPLATE)),
        "query parameters added for the provider",
    ),
    field("body", Json(), "merged into the JSON body"),
    field("on_error", Enum("halt", "continue"), "what to do when every candidate failed", default="halt"),
    field("total_timeout", Duration(), "for all attempts", default=5 * MINUTE_NS, shown_default="5m"),
    field("per_request_timeout", Duration(), "for one attempt", default=MINUTE_NS // 2, shown_default="30s"),
    field("providers", ListOf(PROVIDER), "providers, besides the built-in ones"),
    field("only_allow_configured_providers", Boolean(), "no others", default=False),
    field("only_allow_configured_models", Boolean(), "no others", default=False),
    field("model_selection", STRATEGY, "which models are tried"),
    field("api_key_selection", STRATEGY, "which keys are tried"),
)

_MADE = Record(
    "ai_gateway.model_tried",
    (),
    {
        "model": Field(STRING, "model"),
        "provider": Field(STRING, "provider"),
        "author": Field(STRING, "author"),
        "api_key_selection": Field(list_of(DYN), "how the keys were chosen"),
        "requests_made": Field(list_of(DYN), "requests, with status and times"),
    },
)
RESULT = Record(
    "ai_gateway",
    (),
    {
        "status": Field(STRING, "`success` or `error`"),
        "error": Field(ERROR_RECORD, "what failed"),
        "client": Field(
            Record(
                "ai_gateway.client",
                (),
                {
                    "method": Field(STRING, "method"),
                    "path": Field(STRING, "path"),
                    "request_headers": Field(DYN, "headers"),
                    "user_agent": Field(STRING, "user agent"),
                    "model": Field(STRING, "model that was asked for"),
                    "models": Field(list_of(STRING), "models that were asked for"),
                    "api_key_hash": Field(STRING, "hash of the client's key"),
                    "rejected_models": Field(list_of(DYN), "models that were refused, and why"),
                },
            ),
            "what the client sent",
        ),
        "input_ngrok_tokens": Field(INT, "tokens of the prompt"),
        "output_ngrok_tokens": Field(INT, "tokens of the completion"),
        "gateway_latency_ms": Field(INT, "time spent in the gateway"),
        "model_selection": Field(list_of(DYN), "how the models were chosen"),
        "models_tried": Field(list_of(_MADE), "models, in the order tried"),
        "success": Field(
            Record(
                "ai_gateway.success",
                (),
                {
                    "model_index": Field(INT, "which of the models tried"),
                    "request_index": Field(INT, "which of its requests"),
                    "model": Field(STRING, "model"),
                    "provider": Field(STRING, "provider"),
                    "author": Field(STRING, "author"),
                },
            ),
            "what answered",
        ),
    },
)


def ends_with(config: Config) -> Ends:
    """Return ALWAYS with `on_error: halt`; with `continue` it ends only on success."""
    return Ends.ALWAYS if config.constant("on_error", str) == "halt" else Ends.MAY


def check_ai_gateway(config: Config, site: Site) -> None:
    """Report the deprecation, and providers outside that are asked in clear."""
    site.report.add(AI_DEPRECATED, "`ai-gateway` is deprecated", config.span, path=config.path)
    providers = config.get("providers")
    for provider in providers.items if isinstance(providers, Items) else ():
        assert isinstance(provider, Config)
        url = provider.get("base_url")
        if url is None or not url.value.lower().startswith("http://"):
            continue
        host = url.value[7:].partition("/")[0].rpartition("@")[2].partition(":")[0].lower()
        if not host.endswith(".internal"):
            site.report.add(
                BASE_URL_IN_CLEAR,
                f"`{host}` is asked over http",
                url.span,
                hint="write https",
                path=url.path,
            )


ACTION = Action(
    name="ai-gateway",
    doc="Send the request to a language model, and to another one if that fails. Deprecated.",
    schema=SCHEMA,
    phases=frozenset({Phase.HTTP_REQUEST}),
    protocols=frozenset({Protocol.HTTP, Protocol.HTTPS}),
    ends=ends_with,
    result=RESULT,
    result_name="ai_gateway",
    check=check_ai_gateway,
    example='on_http_request { ai-gateway { total_timeout: 2m, providers: [{ id: "local", '
    'base_url: "http://ollama.internal", models: [{ id: "llama3" }] }] } }',
    source="spec/actions.md#ai-gateway",
)
