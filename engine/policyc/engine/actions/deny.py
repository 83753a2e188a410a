"""Refuse the request (or the connection) and stop."""

from __future__ import annotations

from policyc.engine.action import Action, Ends, Site, Step
from policyc.engine.outcome import Close, Respond
from policyc.engine.phases import Phase
from policyc.engine.schema import Config, Integer, Schema, field
from policyc.grammar.codes import declare

STATUS_ON_CONNECT = declare(
    "P0350",
    "status-without-http",
    "deny has a status where there is no HTTP",
    explanation="In `on_tcp_connect` there is no request to answer: `deny` closes the connection without "
    "a word, "
    "so a status would be lost.",
    wrong="on_tcp_connect { deny 403 }",
    right="on_tcp_connect { deny }",
    ngrok=2204,
)

SCHEMA = Schema(
    field(
        "status_code",
        Integer(400, 599),
        "status of the answer; only where there is HTTP",
        default=403,
        primary=True,
    ),
)


def check_deny(config: Config, site: Site) -> None:
    """Report a status in `on_tcp_connect`."""
    if site.phase is Phase.TCP_CONNECT and "status_code" in config.given:
        site.report.add(
            STATUS_ON_CONNECT,
            "`deny` has no `status_code` in `on_tcp_connect`: it closes the connection",
            config.span_of("status_code"),
            hint="leave it out, or deny in `on_http_request`",
            path=config["status_code"].path,
        )


def compile_deny(config: Config, site: Site) -> Step:
    """Return the step: a bare status, final; in `on_tcp_connect` a closed connection."""
    if site.phase is Phase.TCP_CONNECT:
        return lambda _x: Close("deny")
    status = config.constant("status_code", int)
    return lambda _x: Respond(status, final=True, reason="deny")


ACTION = Action(
    name="deny",
    doc="Answer at once with a status and no body, or close the connection in `on_tcp_connect`. No "
    "further rule "
    "or action of the policy runs, `on_http_response` included.",
    schema=SCHEMA,
    phases=frozenset({Phase.TCP_CONNECT, Phase.HTTP_REQUEST}),
    ends=Ends.ALWAYS,
    check=check_deny,
    compile=compile_deny,
    example='on_http_request { when !hasReqHeader("x-api-key") { deny 401 } }',
    source="spec/actions.md#deny",
)
