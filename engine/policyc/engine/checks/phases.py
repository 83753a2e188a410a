"""Phases that the endpoint does not have: by its protocol (2230), or because it is internal (2262).

What an endpoint has stands in phases.py and nowhere else. Without knowing the endpoint nothing is checked.
"""

from __future__ import annotations

from policyc.engine.draft import DraftPhase, DraftPolicy
from policyc.engine.options import Options
from policyc.engine.phases import Binding, Phase, phases_of
from policyc.grammar.codes import declare
from policyc.grammar.diagnostic import Report, Severity

PHASE_OF_OTHER_PROTOCOL = declare(
    "P0401",
    "phase-of-other-protocol",
    "the protocol of the endpoint does not have this phase",
    explanation="tcp and tls endpoints only see connections, so their one phase is `on_tcp_connect`. The "
    "phases that begin with `on_http` and `on_event_stream_message` exist on http and https endpoints.",
    wrong='endpoint "tcp://db.internal:5432" -> "tcp://127.0.0.1:5432" { on_http_request { deny } }',
    right='endpoint "tcp://db.internal:5432" -> "tcp://127.0.0.1:5432" { on_tcp_connect { deny } }',
    ngrok=2230,
)
CONNECT_ON_INTERNAL = declare(
    "P0402",
    "connect-phase-on-internal",
    "`on_tcp_connect` on an internal http or https endpoint",
    explanation="Traffic reaches an internal http or https endpoint through `forward-internal`, which "
    "makes no TCP connection, so this phase would never run. Whoever wrote it believes that it protects "
    "something. Move it to the public endpoint, or check the same in `on_http_request`: `conn` is the "
    "client's connection there too.",
    wrong='endpoint "https://app.internal" -> "http://127.0.0.1:9000" { on_tcp_connect { deny } }',
    right='endpoint "https://app.internal" -> "http://127.0.0.1:9000" { on_http_request { deny } }',
    ngrok=2262,
)


def check_phases(policies: list[DraftPolicy], options: Options, report: Report) -> None:
    """Report the phases that the endpoints of the policies do not have."""
    for policy in policies:
        protocol, binding, _ = policy.kind
        if protocol is None:
            continue
        allowed = phases_of(protocol, binding or Binding.PUBLIC)
        for phase in policy.in_order():
            if phase.phase in allowed:
                continue
            if phase.phase is Phase.TCP_CONNECT:
                _connect_on_internal(phase, policy, options, report)
            else:
                report.add(
                    PHASE_OF_OTHER_PROTOCOL,
                    f"`{phase.node.key.value}` does not exist on a {protocol.value} endpoint",
                    phase.key,
                    hint="the only phase there is `on_tcp_connect`",
                    path=phase.path,
                )


def _connect_on_internal(phase: DraftPhase, policy: DraftPolicy, options: Options, report: Report) -> None:
    assert policy.kind.protocol is not None
    tolerated = options.lenient or not phase.rules
    report.add(
        CONNECT_ON_INTERNAL,
        f"`on_tcp_connect` never runs on an internal {policy.kind.protocol.value} endpoint",
        phase.key,
        severity=Severity.WARNING if tolerated else Severity.ERROR,
        hint="move its rules to the public endpoint that forwards here, or to `on_http_request`",
        path=phase.path,
    )
