"""What an operator should know of TLS before clients find out: names without a certificate, and the like."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from policyc.engine.phases import Binding, Phase, Protocol
from policyc.runtime.certificate_fields import EXTRA, is_installed, reads_certificates

if TYPE_CHECKING:
    from policyc.engine.model import EndpointDef, Policy, Program
    from policyc.runtime.transport.certificates import Certificates


def tls_notices(program: Program | None, certificates: Certificates | None) -> Iterator[str]:
    """Yield a line for each thing that is not as the program's author may expect."""
    if program is None:
        return
    for each in program.endpoints:
        if each.url.scheme is not Protocol.HTTPS or each.url.binding is not Binding.PUBLIC:
            continue
        if certificates is None:
            if read := sorted(path for path in each.policy.reads if path.startswith("conn.tls.")):
                shown = ", ".join(f"`{path}`" for path in read)
                yield f"{each.url.url} is served in clear, so what its policy reads is empty: {shown}"
        elif not _brings_its_own(each) and not certificates.is_for(each.url.host):
            yield f"no certificate names {each.url.host}: clients of {each.url.url} get the first one"


def missing_extra(program: Program | None) -> str | None:
    """Return why a program cannot be served for want of the extra, None if it can."""
    if program is None or is_installed():
        return None
    policies: list[tuple[str, Policy]] = [(each.url.url, each.policy) for each in program.endpoints]
    if program.policy is not None:
        policies.append(("the policy", program.policy))
    for whose, policy in policies:
        if reads_certificates(policy.reads):
            return f"{whose} reads what is in certificates: that needs the extra `{EXTRA}`: " + (
                f"pip install 'policyc[{EXTRA}]'"
            )
    return None


def _brings_its_own(definition: EndpointDef) -> bool:
    """Whether a policy may have a certificate of its own presented; which one, only the connection tells."""
    return Phase.TCP_CONNECT in definition.policy.phases
