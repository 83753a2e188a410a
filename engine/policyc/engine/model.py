"""What compiling gives: policies that run, and the endpoints they hang on. None of it changes later.

Invariant: whatever was compiled, a policy hands out no phase that the endpoint does not have. `Policy.run`
asks the table in phases.py at every look-up, independently of the checks (spec/policy-language.md §2.1).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from policyc.engine.endpoint_url import EndpointUrl, Upstream
from policyc.engine.outcome import Outcome, TlsTerms
from policyc.engine.phases import Binding, Phase, Protocol, phases_of
from policyc.engine.traffic import Exchange
from policyc.grammar.frozen import Frozen
from policyc.grammar.source import Span

Run = Callable[[Exchange], Outcome | None]
NOTHING: Mapping[str, object] = MappingProxyType({})


class EndpointKey(NamedTuple):
    """What makes two endpoints one URL: members of a pool share it (spec/endpoints.md §1.6)."""

    account: str
    binding: Binding
    scheme: Protocol
    host: str
    port: int


def endpoint_id(key: EndpointKey, member: int = 0) -> str:
    """Return `endpoint.id`: the same for the same endpoint at every start; `member` counts in a pool."""
    from hashlib import sha256

    account, binding, scheme, host, port = key
    named = f"{account} {binding.value} {scheme.value}://{host}:{port} {member}"
    return f"ep_{sha256(named.encode('utf-8', 'surrogateescape')).hexdigest()[:27]}"


class Policy(Frozen):
    """A compiled policy.

    `phases` holds one function per phase that has rules; it is the whole of what was compiled, so a runtime
    that knows its endpoint asks `run` instead. `reads` are the paths of the traffic variables that the
    policy reads, and `secrets` if it asks for one. `key` names the policy and its contents: it changes when
    they do. `handshakes` is what is known beforehand of the TLS handshakes that it may ask for.
    """

    phases: Mapping[Phase, Run]
    reads: frozenset[str] = frozenset()
    key: str = ""
    handshakes: tuple[TlsTerms, ...] = ()

    def run(self, phase: Phase, protocol: Protocol, binding: Binding) -> Run | None:
        """Return the function of a phase, None if there are no rules or the endpoint has no such phase."""
        return self.phases.get(phase) if phase in phases_of(protocol, binding) else None

    def phases_on(self, protocol: Protocol, binding: Binding) -> Mapping[Phase, Run]:
        """Return the phases that an endpoint of this kind runs."""
        allowed = phases_of(protocol, binding)
        return MappingProxyType({phase: run for phase, run in self.phases.items() if phase in allowed})


EMPTY_POLICY = Policy(MappingProxyType({}))


class EndpointDef(Frozen):
    """An endpoint as its file declares it; `upstream` is None for a cloud endpoint.

    `settings` are the other settings of the file by name (`upstream.protocol`), `span` is where its URL
    stands.
    """

    url: EndpointUrl
    policy: Policy
    upstream: Upstream | None = None
    account: str = "default"
    pooling_enabled: bool = False
    name: str = ""
    description: str = ""
    metadata: str = ""
    settings: Mapping[str, object] = NOTHING
    span: Span | None = None

    @property
    def binding(self) -> Binding:
        """Who may send traffic to it."""
        return self.url.binding

    @property
    def is_cloud(self) -> bool:
        """Whether its policy must end all traffic."""
        return self.upstream is None

    @property
    def key(self) -> EndpointKey:
        """Its place in the tables."""
        url = self.url
        return EndpointKey(self.account, url.binding, url.scheme, url.host, url.port)

    def run(self, phase: Phase) -> Run | None:
        """Return what the endpoint runs in a phase."""
        return self.policy.run(phase, self.url.scheme, self.url.binding)


class Program(Frozen):
    """Everything that a set of documents declares.

    `policy` is that of a document which declares no endpoint. `notices` are what an operator should know:
    data that the policies read and this installation cannot provide.
    """

    endpoints: tuple[EndpointDef, ...] = ()
    policy: Policy | None = None
    notices: tuple[str, ...] = ()
