"""An endpoint declared by a program instead of a file: for as many of them as no file would hold.

    policy = compile_policy("on_http_request { deny 405 }")
    program = Program(tuple(declare(url, policy=policy, upstream=to) for url, to in tenants))
    gateway = Gateway(program)

One policy may serve any number of endpoints: it is compiled once, and `endpoint.host` tells them apart.
"""

from __future__ import annotations

from collections.abc import Mapping

from policyc.engine.endpoint_url import UrlProblem, parse_endpoint_url, parse_upstream
from policyc.engine.errors import PolicycError
from policyc.engine.model import EMPTY_POLICY, NOTHING, EndpointDef, Policy
from policyc.engine.options import DEFAULT_ACCOUNT
from policyc.engine.settings import taken_settings

__all__ = ["declare"]


def declare(
    url: str,
    *,
    policy: Policy | None = None,
    upstream: str | None = None,
    account: str = DEFAULT_ACCOUNT,
    pooling_enabled: bool = False,
    settings: Mapping[str, object] = NOTHING,
) -> EndpointDef:
    """Return an endpoint for a `Program`: `policy` handles its traffic, what is left goes to `upstream`.

    Without an upstream it is a cloud endpoint, whose policy must end all traffic (6029 else), or one for an
    application of the gateway. `settings` are those of an endpoint in a file, by their dotted names
    (`upstream.proxy_protocol`). Raises PolicycError where the URL, the upstream or a setting is none.
    """
    parsed = parse_endpoint_url(url)
    if isinstance(parsed, UrlProblem):
        raise PolicycError(f"`{url}` is no URL of an endpoint: {parsed.message}")
    to = parse_upstream(upstream, parsed.scheme) if upstream is not None else None
    if isinstance(to, UrlProblem):
        raise PolicycError(f"{parsed.url}: `{upstream}` is no upstream of it: {to.message}")
    try:
        taken = taken_settings(settings) if settings else NOTHING
    except PolicycError as error:
        raise PolicycError(f"{parsed.url}: {error}") from None
    return EndpointDef(
        parsed,
        policy if policy is not None else EMPTY_POLICY,
        to,
        account,
        pooling_enabled=pooling_enabled,
        settings=taken,
    )
