"""What a caller of the compiler may choose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from policyc.engine.endpoint_url import EndpointUrl
from policyc.engine.message_limits import DEFAULTS, MessageLimits
from policyc.grammar.frozen import Frozen
from policyc.grammar.limits import DEFAULTS as POLICY_LIMITS
from policyc.grammar.limits import Limits
from policyc.grammar.source import Source

# The caller reads files, the engine does not: given a path as written and the source naming it, the source
# that is meant, None where there is no such file.
Loader = Callable[[str, Source], Source | None]

DEFAULT_ACCOUNT = "default"
COST_LIMIT = 1_000_000


class Options(Frozen):
    """How documents are judged.

    `endpoint` and `type` say what a policy without an endpoint is meant for; what is not said is not
    checked. `lenient` makes warnings of what ngrok tolerates in documents of agents (2207, 2262). `strict`
    makes `compile` refuse warnings. `target` adds the narrower rules of another system. `account` owns
    every endpoint that names none. `for_run` refuses what this installation cannot execute. `registered`
    are the URLs of endpoints that the caller adds itself (an ASGI app given on the command line).
    `cost_limit` is what an expression may cost at most, in units, for a message that keeps to
    `message_limits` (cel/cost.py). What is not `optimised` does the same, as it is written.
    `limits` are those of the documents; a report that is handed in has the same.
    """

    endpoint: EndpointUrl | None = None
    type: Literal["agent", "cloud"] | None = None
    lenient: bool = False
    strict: bool = False
    target: Literal["ngrok"] | None = None
    account: str = DEFAULT_ACCOUNT
    for_run: bool = False
    registered: tuple[EndpointUrl, ...] = ()
    cost_limit: int = COST_LIMIT
    message_limits: MessageLimits = DEFAULTS
    optimised: bool = True
    limits: Limits = POLICY_LIMITS
