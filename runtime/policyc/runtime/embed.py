"""A policy inside a program of one's own, without a socket: `engine.embed` with this process's services.

    from policyc.runtime.embed import compile_policy, decide

    policy = compile_policy("on_http_request { when req.method == 'TRACE' { deny 405 } }")
    decision = decide(policy, method="TRACE", url="https://shop.example.com/")
    decision.outcome, decision.status        # "respond", 405

Rate limits are counted in this process, for all calls of `decide` together.
"""

from __future__ import annotations

import time
from functools import cache

from policyc.engine.embed import Decision, HeaderLines, compile_policy
from policyc.engine.embed import decide as decide_with
from policyc.engine.endpoint_url import EndpointUrl
from policyc.engine.errors import PolicycError
from policyc.engine.model import Policy
from policyc.engine.traffic import Services
from policyc.runtime.services import LocalServices
from policyc.runtime.state import RateLimiter

__all__ = ["Decision", "PolicycError", "compile_policy", "decide"]


@cache
def _services() -> Services:
    return LocalServices(RateLimiter(time.monotonic))


def decide(
    policy: Policy,
    *,
    url: str = "https://localhost/",
    method: str = "GET",
    headers: HeaderLines = (),
    client_ip: str = "127.0.0.1",
    client_port: int = 0,
    endpoint: str | EndpointUrl | None = None,
    response: tuple[int, HeaderLines] | None = None,
    services: Services | None = None,
) -> Decision:
    """Return what the policy decides about a request; see `policyc.engine.embed.decide`."""
    return decide_with(
        policy,
        services or _services(),
        url=url,
        method=method,
        headers=headers,
        client_ip=client_ip,
        client_port=client_port,
        endpoint=endpoint,
        response=response,
    )
