"""The client's address as a number, worked out once per connection, where networks are tested."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from policyc.engine.cel.addresses import address_number
from policyc.engine.types import INT
from policyc.engine.variables import ANY_PHASE, Variable

if TYPE_CHECKING:
    from policyc.engine.traffic import Connection


def fill_client_number(conn: Connection) -> int:
    """Work out the number of the client's address."""
    number = conn.client_number = address_number(conn.client_ip)
    return number


# No user can name it.
CLIENT_NUMBER: Final = Variable(
    "conn.client_ip (number)",
    INT,
    "number of the client's address",
    ANY_PHASE,
    "conn",
    "client_number",
    fill_client_number,
)
