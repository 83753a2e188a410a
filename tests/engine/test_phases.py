from __future__ import annotations

import pytest
from tests.conftest import Golden

from policyc.engine.phases import TABLE, Binding, Phase, Protocol, phases_of


def test_every_kind_of_endpoint_is_in_the_table() -> None:
    assert set(TABLE) == {(protocol, binding) for protocol in Protocol for binding in Binding}


@pytest.mark.parametrize("protocol", [Protocol.HTTP, Protocol.HTTPS])
def test_internal_http_endpoints_have_no_connect_phase(protocol: Protocol) -> None:
    assert phases_of(protocol, Binding.INTERNAL) == set(Phase) - {Phase.TCP_CONNECT}
    assert phases_of(protocol, Binding.PUBLIC) == set(Phase)


@pytest.mark.parametrize("protocol", [Protocol.TCP, Protocol.TLS])
@pytest.mark.parametrize("binding", list(Binding))
def test_tcp_and_tls_endpoints_have_only_the_connect_phase(protocol: Protocol, binding: Binding) -> None:
    assert phases_of(protocol, binding) == {Phase.TCP_CONNECT}


def matrix() -> str:
    """Return which action may stand in which phase of which kind of endpoint, from the declarations alone."""
    from policyc.engine.actions import actions

    kinds = [(protocol, binding) for binding in Binding for protocol in Protocol]
    short = {
        Phase.TCP_CONNECT: "T",
        Phase.HTTP_REQUEST: "Q",
        Phase.HTTP_RESPONSE: "S",
        Phase.EVENT_STREAM_MESSAGE: "E",
    }
    lines = [
        "# Which action may stand in which phase of which endpoint.",
        *(f"# {letter} = {phase.value}" for phase, letter in short.items()),
        "",
    ]
    rows = [("", *(f"{binding.value} {protocol.value}" for protocol, binding in kinds))]
    rows.append(("(phases)", *(_letters(phases_of(*kind), short) for kind in kinds)))
    for name, action in actions().items():
        cells = []
        for protocol, binding in kinds:
            allowed = (
                phases_of(protocol, binding) & action.phases if protocol in action.protocols else frozenset()
            )
            cells.append(_letters(allowed, short))
        rows.append((name, *cells))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines += [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    return "\n".join(lines) + "\n"


def _letters(phases: frozenset[Phase], short: dict[Phase, str]) -> str:
    return "".join(short[phase] for phase in Phase if phase in phases) or "-"


def test_matrix_of_actions_phases_protocols_and_bindings(golden: Golden) -> None:
    golden("applicability.txt", matrix())
