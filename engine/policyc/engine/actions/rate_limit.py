"""Let through so many requests per window and client."""

from __future__ import annotations

from policyc.engine.action import Action, Ends, Site, Step
from policyc.engine.outcome import Respond
from policyc.engine.phases import Phase, Protocol
from policyc.engine.schema import (
    Boolean,
    Config,
    Duration,
    Enum,
    Expression,
    FieldFault,
    Integer,
    ListOf,
    Schema,
    Text,
    field,
)
from policyc.engine.traffic import Exchange
from policyc.engine.types import BOOL, ERROR_RECORD, STRING, Field, Record
from policyc.engine.values import EvalError

NO_ERROR = {"code": "", "message": ""}
FAILED = {"code": "ERR_NGROK_2253", "message": "an expression of `bucket_key` of `rate-limit` failed"}

SCHEMA = Schema(
    field("name", Text(min_length=1, max_length=1024), "label of the limit", required=True, primary=True),
    field("algorithm", Enum("sliding_window"), "how requests are counted", required=True),
    field("capacity", Integer(1, 2_000_000_000), "requests that are let through per window", required=True),
    field("rate", Duration("60s", "24h", step="10s"), "length of the window", required=True),
    field(
        "bucket_key",
        ListOf(Expression(), least=1, most=10),
        "expressions whose values together name the bucket that a request counts in",
        required=True,
    ),
    field(
        "enforce", Boolean(), "false: count and set the result variables, and refuse nothing", default=True
    ),
    hints={"limit": "the field is called `capacity`", "window": "the field is called `rate`"},
)
RESULT = Record(
    "rate_limit",
    (),
    {
        "bucket_key": Field(STRING, "the values of the key as JSON"),
        "limited": Field(BOOL, "whether the request was over the limit"),
        "error": Field(ERROR_RECORD, "what failed"),
    },
)


def compile_rate_limit(config: Config, site: Site) -> Step:
    """Return the step. Each bucket belongs to this position in this endpoint's policy and to the name."""
    from policyc.engine.cel.coerce import to_json

    readers = [item.reader() for item in config.items("bucket_key")]
    capacity = config.constant("capacity", int)
    window_s = config.constant("rate", int) // 10**9
    enforce = config.constant("enforce", bool)
    prefix = f"{site.key}\0{config.constant('name', str)}\0"

    def step(x: Exchange) -> Respond | None:
        texts: list[str] = []
        error = NO_ERROR
        for read in readers:
            try:
                texts.append(to_json(read(x)))
            except (FieldFault, EvalError):
                # The element becomes null: such requests share one bucket (spec/actions.md#rate-limit).
                texts.append("null")
                error = FAILED
        key = f"[{','.join(texts)}]"
        wait_s = x.services.take(prefix + key, capacity, window_s)
        x.results["rate_limit"] = {"bucket_key": key, "limited": wait_s > 0, "error": error}
        if wait_s > 0 and enforce:
            return Respond(429, [("retry-after", str(max(1, wait_s)))], final=True, reason="rate-limit")
        return None

    return step


ACTION = Action(
    name="rate-limit",
    doc="Count requests per bucket in a sliding window and answer 429 with `retry-after` above the capacity. "
    "Buckets are counted in this process.",
    schema=SCHEMA,
    phases=frozenset({Phase.HTTP_REQUEST}),
    protocols=frozenset({Protocol.HTTP, Protocol.HTTPS}),
    ends=Ends.MAY,
    result=RESULT,
    result_name="rate_limit",
    compile=compile_rate_limit,
    example='on_http_request { rate-limit "per client" '
    '{ algorithm: "sliding_window", capacity: 30, rate: 60s, bucket_key: [conn.client_ip] } }',
    source="spec/actions.md#rate-limit",
)
