"""Drop the client's connection without an answer."""

from __future__ import annotations

from policyc.engine.action import Action, Ends, Site, Step
from policyc.engine.outcome import Close
from policyc.engine.phases import Phase
from policyc.engine.schema import Config, Schema


def compile_close_connection(config: Config, site: Site) -> Step:
    """Return the step."""
    return lambda _x: Close()


ACTION = Action(
    name="close-connection",
    doc="Drop the client's connection at once. In `on_http_request` the client gets no HTTP answer.",
    schema=Schema(),
    phases=frozenset({Phase.TCP_CONNECT, Phase.HTTP_REQUEST}),
    ends=Ends.ALWAYS,
    compile=compile_close_connection,
    example='on_tcp_connect { when !inCidrRanges(conn.client_ip, ["10.0.0.0/8"]) { close-connection } }',
    source="spec/actions.md#close-connection",
)
