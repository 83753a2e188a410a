"""How large the traffic variables can be, from the limits of a message: the one place that knows.

A variable says which limit holds it (`Variable.bound`); what a limit of octets means for lists and maps in it
is worked out here. A character of text takes one octet at least.
"""

from __future__ import annotations

from typing import Final

from policyc.engine.cel.extent import ANYTHING, Amount, Extent, of_type
from policyc.engine.message_limits import MessageLimits
from policyc.engine.types import HEADERS, Record, Type
from policyc.engine.variables import Variable

WORD: Final = 512  # characters of a name, a URL without path, an address, a time


def of_variable(variable: Variable, limits: MessageLimits) -> Extent:
    """Return the extent of a variable while messages keep to the limits."""
    if variable.bound == "engine":
        return ANYTHING
    octets = WORD if variable.bound == "word" else getattr(limits, variable.bound)
    low, high = variable.within
    if variable.type == HEADERS:
        most = limits.fields
        return Extent(
            low, high, Amount(most), Amount(octets), Amount(2 * most), min(octets, limits.line), most
        )
    # An item takes two octets, its own and what separates it; an entry three, for keys differ. A map of
    # lists holds an item in each list at least.
    items = octets // 3 if variable.type.name == "map" else octets // 2
    values = 2 * items if variable.type.name == "map" else items
    # The name of a cookie is its key too.
    characters = 2 * octets if _has_records(variable.type) else octets
    within = Extent(low, high, Amount(items), Amount(characters), Amount(values), octets, items)
    return of_type(variable.type, within)


def _has_records(type: Type) -> bool:
    return any(isinstance(param, Record) or _has_records(param) for param in type.params)
