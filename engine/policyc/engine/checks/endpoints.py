"""Endpoints that cannot be served side by side: one URL without pooling, or for two accounts; one name.

Source: spec/endpoints.md §5. Which number a conflict has depends on the later endpoint: 334 if it has an
upstream; for a cloud endpoint 18009 if neither pools, 18016 if only it does, 18017 if only the earlier one
does.
"""

from __future__ import annotations

from policyc.engine.draft import DraftEndpoint
from policyc.engine.phases import Binding
from policyc.grammar.codes import declare
from policyc.grammar.diagnostic import Label, Report

URL_TWICE = declare(
    "P0520",
    "endpoint-twice",
    "two endpoints have one URL and do not pool",
    explanation="Endpoints of the same URL share its traffic only if each of them says `pooling_enabled: "
    "true`. Without that the second one is a mistake.",
    wrong='endpoint "https://app.internal" -> "http://127.0.0.1:9001"\n'
    'endpoint "https://app.internal" -> "http://127.0.0.1:9002"',
    right='endpoint "https://app.internal" -> "http://127.0.0.1:9001" { pooling_enabled: true }\n'
    'endpoint "https://app.internal" -> "http://127.0.0.1:9002" { pooling_enabled: true }',
    ngrok=334,
)
TWO_ACCOUNTS = declare(
    "P0521",
    "url-of-two-accounts",
    "two accounts claim one public URL",
    explanation="Internal names belong to an account, public ones to everybody: a public URL can have one "
    "owner.",
    wrong='endpoint "https://a.example.com" -> "http://127.0.0.1:9001" { account: "one" }\n'
    'endpoint "https://a.example.com" -> "http://127.0.0.1:9002" { account: "two" }',
    right='endpoint "https://a.example.com" -> "http://127.0.0.1:9001" { account: "one" }\n'
    'endpoint "https://b.example.com" -> "http://127.0.0.1:9002" { account: "two" }',
    ngrok=319,
)
NAME_TWICE = declare(
    "P0522",
    "endpoint-name-twice",
    "two endpoints of a file have one name",
    explanation="The name of an endpoint is how it is started and talked about, so it is unique in its file.",
    wrong='endpoint "https://a.internal" -> "http://127.0.0.1:9001" { name: "app" }\n'
    'endpoint "https://b.internal" -> "http://127.0.0.1:9002" { name: "app" }',
    right='endpoint "https://a.internal" -> "http://127.0.0.1:9001" { name: "a" }\n'
    'endpoint "https://b.internal" -> "http://127.0.0.1:9002" { name: "b" }',
)
ONE_SIDED_TLS = declare(
    "P0523",
    "tls-settings-on-other-protocol",
    "TLS settings on an endpoint that is no tls endpoint",
    explanation="`agent_tls_termination` says how the agent ends TLS on a tls endpoint. On https endpoints "
    "the gateway does that; http and tcp endpoints have none.",
    wrong="version: 3\nendpoints:\n  - name: a\n    url: tcp://a.internal:1\n    upstream: { url: "
    "'tcp://127.0.0.1:1' }\n    agent_tls_termination: { server_certificate: a.crt }",
    right="version: 3\nendpoints:\n  - name: a\n    url: tls://a.internal\n    upstream: { url: "
    "'tcp://127.0.0.1:1' }\n    agent_tls_termination: { server_certificate: a.crt }",
    ngrok=18014,
)


def check_endpoints(endpoints: list[DraftEndpoint], report: Report) -> None:
    """Report endpoints that get in each other's way."""
    _check_urls(endpoints, report)
    _check_names(endpoints, report)
    for endpoint in endpoints:
        key = next((name for name in endpoint.spans if name.startswith("agent_tls_termination.")), None)
        if key is not None and endpoint.url is not None and endpoint.url.scheme.value != "tls":
            message = f"`agent_tls_termination` has no meaning on a {endpoint.url.scheme.value} endpoint"
            report.add(
                ONE_SIDED_TLS, message, endpoint.spans[key], path=f"{endpoint.where}agent_tls_termination"
            )


def _check_urls(endpoints: list[DraftEndpoint], report: Report) -> None:
    first: dict[tuple[object, ...], DraftEndpoint] = {}
    owner: dict[tuple[object, ...], DraftEndpoint] = {}
    for endpoint in endpoints:
        url = endpoint.url
        if url is None:
            continue
        path = f"{endpoint.where}url" if endpoint.where else None
        if url.binding is Binding.PUBLIC:
            other = owner.setdefault(url.key, endpoint)
            if other.account != endpoint.account:
                message = f"`{url.url}` belongs to the account `{other.account}`"
                labels = [Label(other.url_span, "claimed here")]
                report.add(TWO_ACCOUNTS, message, endpoint.url_span, labels=labels, path=path)
                continue
        known = first.setdefault((endpoint.account, *url.key), endpoint)
        if known is endpoint or (known.is_pooled and endpoint.is_pooled):
            continue
        lacking = [each for each in (known, endpoint) if not each.is_pooled]
        report.add(
            URL_TWICE,
            f"there is an endpoint `{url.url}` already"
            + (
                ""
                if len(lacking) == 2
                else f", and the {'first' if lacking[0] is known else 'second'} one does not pool"
            ),
            endpoint.url_span,
            labels=[Label(known.url_span, "the first one")],
            hint="set `pooling_enabled: true` on both if they are to share the traffic",
            path=path,
            ngrok=_number(known, endpoint),
        )


def _number(known: DraftEndpoint, new: DraftEndpoint) -> int:
    if new.has_upstream:
        return 334
    if new.is_pooled:
        return 18016
    return 18017 if known.is_pooled else 18009


def _check_names(endpoints: list[DraftEndpoint], report: Report) -> None:
    first: dict[tuple[str, str], DraftEndpoint] = {}
    for endpoint in endpoints:
        name = endpoint.settings.get("name")
        if not isinstance(name, str) or not name:
            continue
        known = first.setdefault((endpoint.policy.place.source.name, name), endpoint)
        if known is not endpoint:
            report.add(
                NAME_TWICE, f"there is an endpoint named `{name}` already", endpoint.spans["name"],
                labels=[Label(known.spans["name"], "the first one")],
                path=f"{endpoint.where}name" if endpoint.where else None,
            )  # fmt: skip
