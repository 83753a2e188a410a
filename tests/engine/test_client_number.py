"""The client's address as a number."""

from __future__ import annotations

from tests.evaluation import exchange

from policyc.engine.cel.addresses import address_number
from policyc.engine.client_number import CLIENT_NUMBER, fill_client_number


def test_number_is_worked_out_once_per_connection() -> None:
    conn = exchange().conn
    assert fill_client_number(conn) == address_number(conn.client_ip)
    assert conn.client_number == address_number(conn.client_ip)


def test_no_user_can_name_it() -> None:
    assert not CLIENT_NUMBER.path.replace(".", "").isidentifier()
