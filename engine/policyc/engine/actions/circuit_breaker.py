"""Stop sending requests to an upstream that fails."""

from __future__ import annotations

from policyc.engine.action import Action, Ends
from policyc.engine.phases import Phase, Protocol
from policyc.engine.schema import Boolean, Double, Duration, Integer, Schema, field

TEN_SECONDS_NS = 10 * 10**9

SCHEMA = Schema(
    field("error_threshold", Double(0.0, 1.0), "share of errors that opens the breaker", default=0.5),
    field(
        "volume_threshold",
        Integer(1, 2_000_000_000),
        "requests in the window before the share is looked at",
        default=10,
    ),
    field(
        "window_duration",
        Duration("1s", "2m"),
        "length of the rolling window",
        default=TEN_SECONDS_NS,
        shown_default="10s",
    ),
    field(
        "tripped_duration",
        Duration("1s", "2m"),
        "how long requests are refused before one is let through to probe",
        default=TEN_SECONDS_NS,
        shown_default="10s",
    ),
    field("num_buckets", Integer(1, 128), "slices of the window", default=10),
    field("enforce", Boolean(), "false: count, and refuse nothing", default=True),
    hints={
        "rolling_window": "the field is called `window_duration`",
        "error_threshold_percentage": "the field is called `error_threshold`, a share from 0 to 1",
    },
)

ACTION = Action(
    name="circuit-breaker",
    doc="Answer 503 without asking the upstream while too many of its answers were errors (status 500 "
    "and above).",
    schema=SCHEMA,
    phases=frozenset({Phase.HTTP_REQUEST}),
    protocols=frozenset({Protocol.HTTP, Protocol.HTTPS}),
    ends=Ends.MAY,
    example="on_http_request { circuit-breaker { error_threshold: 0.3, volume_threshold: 50, "
    "window_duration: 30s } }",
    source="spec/actions.md#circuit-breaker",
)
