"""W3C trace context: valid fields go on as they came, others do not."""

from __future__ import annotations

import pytest

from policyc.engine.traffic import Connection
from policyc.runtime.forwarded import Forwarding
from policyc.runtime.protocol.plain_head import PlainHeads
from policyc.runtime.trace import passed_on, trace_id

ID = "4bf92f3577b34da6a3ce929d0e0e4736"
GOOD = f"00-{ID}-00f067aa0ba902b7-01"


@pytest.mark.parametrize("value", [GOOD, GOOD.replace("00-4", "cc-4") + "-what.comes.later", f" {GOOD}\t"])
def test_valid_parent_goes_on_with_its_state(value: str) -> None:
    lines = [(b"Traceparent", value.encode()), (b"tracestate", b"a=1,b@c=2 3"), (b"tracestate", b"d=4")]
    assert trace_id(lines) == ID
    assert passed_on(lines) == lines


@pytest.mark.parametrize(
    "value",
    [
        "",
        GOOD.upper(),
        GOOD + "-more",
        GOOD[:-1],
        GOOD.replace("00-4", "ff-4"),
        GOOD.replace(ID, "0" * 32),
        GOOD.replace("00f067aa0ba902b7", "0" * 16),
        GOOD.replace("00-4", "cc-4") + ".x",
    ],
)
def test_invalid_parent_takes_its_state_with_it(value: str) -> None:
    lines = [(b"traceparent", value.encode()), (b"tracestate", b"a=1")]
    assert trace_id(lines) == ""
    assert passed_on(lines) == []


def test_two_parents_are_none() -> None:
    assert passed_on([(b"traceparent", GOOD.encode())] * 2) == []


@pytest.mark.parametrize(
    "state", [b"A=1", b"a", b"a=1,a=2", b"a=", b",".join(b"k%d=1" % n for n in range(33))]
)
def test_invalid_state_goes_alone(state: bytes) -> None:
    parent = (b"traceparent", GOOD.encode())
    assert passed_on([parent, (b"tracestate", state)]) == [parent]


def test_requests_with_a_trace_are_looked_at_and_rebuilt() -> None:
    plain = PlainHeads(100)
    head = b"GET / HTTP/1.1\r\nHost: a\r\n%b\r\n\r\n"
    assert plain.request(head % b"x-trace: x") is not None
    assert plain.request(head % b"Traceparent: x") is None
    assert plain.request(head % b"TraceState: x") is None
    parent = b"Traceparent: " + GOOD.encode()
    named = plain.request(head % parent)
    assert named is not None
    assert (named.trace, parent in named.block) == (GOOD.split("-")[1], True)
    assert plain.request(head % (parent + b"\r\n" + parent)) is None
    assert plain.request(head % (parent + b"\r\ntracestate: A=1")) is None
    assert plain.request(head % (parent + b"\r\ntracestate: a=1")) is not None
    lines = [(b"traceparent", b"bad"), (b"tracestate", b"a=1"), (b"te", b"x"), (b"x-a", b"1")]
    rebuilt = Forwarding().rebuild(lines, Connection("192.0.2.1"), "http", "a", False)
    assert rebuilt[:2] == [(b"te", b"x"), (b"x-a", b"1")]
    lines[0] = (b"traceparent", GOOD.encode())
    assert lines[0] in Forwarding().rebuild(lines, Connection("192.0.2.1"), "http", "a", False)
