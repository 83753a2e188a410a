"""Constant networks as stretches of numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evaluation import exchange, node_of

from policyc.engine.cel import ir
from policyc.engine.cel.addresses import in_range
from policyc.engine.cel.fold import fold
from policyc.engine.cel.plan import plan
from policyc.engine.cel.show import show
from policyc.engine.client_number import CLIENT_NUMBER
from policyc.engine.generate.expression import compile_value
from policyc.engine.optimise.networks import use_stretches
from policyc.engine.variables import VARIABLES

NETWORKS = [
    "10.0.0.0/8",
    "10.1.0.0/16",
    "10.1.2.3",
    "9.255.255.255/32",
    "11.0.0.0/8",
    "0.0.0.0/0",
    "255.255.255.255",
    "::/0",
    "::1",
    "2001:db8::/32",
    "::ffff:10.0.0.0/104",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "nonsense",
    "",
    "10.0.0.0/33",
]


def folded(text: str) -> ir.Node:
    return fold(node_of(text))


ADDRESSES = [
    "10.1.2.3",
    "9.255.255.255",
    "11.0.0.0",
    "0.0.0.0",
    "255.255.255.255",
    "::",
    "::1",
    "::2",
    "2001:db8::7",
    "2001:db9::",
    "::ffff:10.1.2.3",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "no address",
    "",
    "1.2.3",
]


def test_tests_of_one_address_are_put_together() -> None:
    text = (
        "inCidrRange(conn.client_ip, '10.0.0.0/8') || req.method == 'x'"
        " || inCidrRanges(conn.client_ip, ['192.0.2.0/24', 'nonsense'])"
    )
    assert show(use_stretches(folded(text))) == (
        "conn.client_ip (number) in networks ('10.0.0.0/8', '192.0.2.0/24', 'nonsense') || req.method == 'x'"
    )


def test_addresses_outside_of_several_are_put_together() -> None:
    text = "!inCidrRange(conn.client_ip, '10.0.0.0/8') && !inCidrRange(conn.client_ip, '11.0.0.0/8')"
    assert show(use_stretches(folded(text))) == (
        "!(conn.client_ip (number) in networks ('10.0.0.0/8', '11.0.0.0/8'))"
    )


@pytest.mark.parametrize(
    "text",
    [
        "inCidrRange(conn.client_ip, req.host)",
        "inCidrRanges(conn.client_ip, [req.host, '10.0.0.0/8'])",
        "inCidrRange(conn.client_ip, '10.0.0.0/8') && inCidrRange(conn.server_ip, '10.0.0.0/8')",
    ],
)
def test_what_is_not_constant_or_not_of_one_address_is_kept_apart(text: str) -> None:
    node = use_stretches(folded(text))
    assert show(node).count("in networks") == text.count("'10.0.0.0/8')")


@given(st.lists(st.sampled_from(NETWORKS), min_size=1, max_size=4), st.sampled_from(ADDRESSES))
def test_stretches_hold_what_the_networks_hold(networks: list[str], address: str) -> None:
    listed = ", ".join(f"'{network}'" for network in networks)
    want = any(in_range(address, network) for network in networks)
    for subject in ("conn.client_ip", "vars.a == 1 ? '' : conn.client_ip"):
        node = use_stretches(folded(f"inCidrRanges({subject}, [{listed}])"))
        x = exchange(variables={"a": 2})
        x.conn.client_ip = address
        assert plan(node)(x, {}) is want
        assert compile_value(node)(x) is want


def test_number_of_the_client_is_worked_out_once_for_a_connection() -> None:
    x = exchange()
    run = compile_value(use_stretches(folded("inCidrRange(conn.client_ip, '192.0.2.0/24')")))
    assert x.conn.client_number is None
    assert run(x) is True
    assert x.conn.client_number == 0xC000_0207
    x.conn.client_number = 0
    assert run(x) is False


def test_nobody_can_name_the_number() -> None:
    assert CLIENT_NUMBER.path not in VARIABLES
    assert not CLIENT_NUMBER.path.replace(".", "").isidentifier()


def test_other_addresses_are_read_from_their_text() -> None:
    node = use_stretches(folded("inCidrRange(req.headers['x-a'][0], '10.0.0.0/8')"))
    assert isinstance(node, ir.Apply)
    assert compile_value(node)(exchange(headers=[("x-a", "10.9.9.9")])) is True
    assert compile_value(node)(exchange(headers=[("x-a", "10.9.9")])) is False
