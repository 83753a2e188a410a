"""Let in only clients from certain address ranges."""

from __future__ import annotations

from collections.abc import Callable

from policyc.engine.action import Action, Ends, Site, Step
from policyc.engine.networks import Network, NetworkSet, parse_address, parse_network
from policyc.engine.outcome import Outcome
from policyc.engine.phases import Phase
from policyc.engine.refusal import closed, refused
from policyc.engine.schema import (
    Boolean,
    Cel,
    Cidr,
    Config,
    FieldFault,
    Items,
    ListOf,
    Schema,
    field,
)
from policyc.engine.schema.evaluate import Unfit
from policyc.engine.schema.kinds import Matched
from policyc.engine.traffic import Exchange
from policyc.engine.types import ERROR_RECORD, STRING, Field, Record
from policyc.grammar.codes import declare
from policyc.grammar.diagnostic import Severity

NOBODY_ALLOWED = declare(
    "P0359",
    "nobody-allowed",
    "restrict-ips blocks everybody",
    explanation="An address is let in only if an allow range holds it and no deny range does. Without an "
    "allow "
    "range nobody is let in, whatever the deny ranges say.",
    wrong='on_tcp_connect { restrict-ips { deny: ["203.0.113.0/24"] } }',
    right='on_tcp_connect { restrict-ips { allow: ["0.0.0.0/0", "::/0"], deny: ["203.0.113.0/24"] } }',
    ngrok=2204,
)
BAD_POLICY_ID = declare(
    "P0360",
    "bad-ip-policy",
    "a text is not the id of an IP policy",
    explanation="IP policies are named by their id, which starts with `ipp_`.",
    wrong='on_tcp_connect { restrict-ips { allow: ["10.0.0.0/8"], ip_policies: ["office"] } }',
    right='on_tcp_connect { restrict-ips { allow: ["10.0.0.0/8"] } }',
    ngrok=2216,
)
NO_IP_POLICIES = declare(
    "P0361",
    "no-ip-policies",
    "this installation has no IP policies",
    explanation="IP policies are sets of rules kept outside of the document. This installation has no "
    "store of "
    "them, so a policy that names one can be checked and not be run.",
    wrong='on_tcp_connect { restrict-ips { ip_policies: ["ipp_2CqwBpOFFGQXBDzxRGKnMgzoXIz"] } }',
    right='on_tcp_connect { restrict-ips { allow: ["203.0.113.0/24"] } }',
    severity="warning",
    ngrok=2216,
)


def _policy_id(text: str) -> str:
    if not text.startswith("ipp_") or not text[4:].isalnum():
        raise Unfit(BAD_POLICY_ID, f"holds no id of an IP policy: `{text}`", hint="ids start with `ipp_`")
    return text


SCHEMA = Schema(
    field(
        "enforce",
        Boolean(),
        "false: evaluate and set the result variables, and let everybody in",
        default=True,
    ),
    field("allow", ListOf(Cidr(Cel.TEMPLATE), most=1000), "ranges that are let in"),
    field("deny", ListOf(Cidr(Cel.TEMPLATE), most=1000), "ranges that are not let in, whatever `allow` says"),
    field(
        "ip_policies",
        ListOf(Matched("an id of an IP policy", _policy_id)),
        "ids of IP policies whose ranges are added",
    ),
    hints={"cidrs": "the ranges are in `allow` and `deny`", "ips": "the ranges are in `allow` and `deny`"},
)
RESULT = Record(
    "restrict_ips",
    (),
    {
        "action": Field(STRING, "`allow` or `deny`"),
        "matched_cidr": Field(STRING, "the range that decided, empty if none matched"),
        "error": Field(ERROR_RECORD, "what failed"),
    },
)
_NO_ERROR = {"code": "", "message": ""}
_REFUSED = {"code": "ERR_NGROK_3203", "message": "the client's address is not allowed"}

Lookup = Callable[[Exchange, int, int], str | None]


def check_restrict_ips(config: Config, site: Site) -> None:
    """Report lists that let nobody in, and IP policies that this installation does not have."""
    allow = config.get("allow")
    is_empty = allow is None or (isinstance(allow, Items) and not allow.items)
    policies = config.items("ip_policies")
    if policies:
        site.report.add(
            NO_IP_POLICIES,
            "this installation has no IP policies, so the action cannot be run",
            config.span_of("ip_policies"),
            path=config["ip_policies"].path,
        )
    elif is_empty:
        has_deny = bool(config.items("deny"))
        site.report.add(
            NOBODY_ALLOWED,
            "without an `allow` range `restrict-ips` blocks everybody",
            config.span_of("deny") if has_deny else config.span,
            severity=None if config.constant("enforce", bool) else Severity.WARNING,
            hint='add `allow: ["0.0.0.0/0", "::/0"]` to let in everybody who is not denied'
            if has_deny
            else "list the ranges to let in under `allow`",
            path=config["deny"].path if has_deny else config.path,
        )


def unavailable(config: Config) -> str | None:
    """Return why this installation cannot run the action with this config."""
    return "this installation has no IP policies" if config.items("ip_policies") else None


def compile_restrict_ips(config: Config, site: Site) -> Step:
    """Return the step: allowed only if an allow range matches and no deny range does."""
    in_allow, in_deny = _lookup(config, "allow"), _lookup(config, "deny")
    enforce = config.constant("enforce", bool)
    has_http = site.phase.is_http

    def refuse() -> Outcome:
        if has_http:
            return refused(403, 3203, "The client's address is not allowed", "restrict-ips")
        return closed("restrict-ips", 3203)

    def step(x: Exchange) -> Outcome | None:
        address = parse_address(x.conn.client_ip)
        try:
            denied = None if address is None else in_deny(x, *address)
            allowed = None if address is None or denied is not None else in_allow(x, *address)
        except FieldFault as fault:
            x.results["restrict_ips"] = {"action": "deny", "matched_cidr": "", "error": fault.error()}
            return fault.outcome()
        if allowed is not None:
            x.results["restrict_ips"] = {"action": "allow", "matched_cidr": allowed, "error": _NO_ERROR}
            return None
        x.results["restrict_ips"] = {"action": "deny", "matched_cidr": denied or "", "error": _REFUSED}
        return refuse() if enforce else None

    return step


def _lookup(config: Config, name: str) -> Lookup:
    reading = config.get(name)
    if reading is None:
        return lambda _x, _version, _number: None
    if reading.is_constant:
        known = NetworkSet(_networks(reading.value)).match
        return lambda _x, version, number: known(version, number)
    read = reading.reader()

    def lookup(x: Exchange, version: int, number: int) -> str | None:
        best: Network | None = None
        for network in _networks(read(x)):
            holds = network.version == version and network.first <= number <= network.last
            if holds and (best is None or network.prefix > best.prefix):
                best = network
        return None if best is None else best.text

    return lookup


def _networks(texts: list[str]) -> list[Network]:
    networks = [parse_network(text) for text in texts]
    return [network for network in networks if network is not None]


ACTION = Action(
    name="restrict-ips",
    doc="Let in only clients whose address is in an `allow` range and in no `deny` range. The address is the "
    "connection's, never a header's. Others get 403, or a closed connection in `on_tcp_connect`.",
    schema=SCHEMA,
    phases=frozenset({Phase.TCP_CONNECT, Phase.HTTP_REQUEST, Phase.HTTP_RESPONSE}),
    ends=Ends.MAY,
    result=RESULT,
    result_name="restrict_ips",
    check=check_restrict_ips,
    compile=compile_restrict_ips,
    unavailable=unavailable,
    example='on_tcp_connect { restrict-ips { allow: ["203.0.113.0/24", "2001:db8::/32"], deny: '
    '["203.0.113.66/32"] } }',
    source="spec/actions.md#restrict-ips",
)
