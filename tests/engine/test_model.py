from __future__ import annotations

import pytest

from policyc.engine.endpoint_url import EndpointUrl, parse_endpoint_url
from policyc.engine.model import EMPTY_POLICY, EndpointDef, EndpointKey, Policy, endpoint_id
from policyc.engine.outcome import Close, Outcome
from policyc.engine.phases import Binding, Phase, Protocol, phases_of
from policyc.engine.traffic import Exchange


def close(_x: Exchange) -> Outcome | None:
    return Close()


EVERYTHING = Policy(dict.fromkeys(Phase, close), key="everything")


def url(text: str) -> EndpointUrl:
    parsed = parse_endpoint_url(text)
    assert isinstance(parsed, EndpointUrl)
    return parsed


@pytest.mark.parametrize("protocol", [Protocol.HTTP, Protocol.HTTPS])
def test_connect_phase_is_never_handed_out_for_internal_http_whatever_was_loaded(protocol: Protocol) -> None:
    assert EVERYTHING.phases[Phase.TCP_CONNECT] is close
    assert EVERYTHING.run(Phase.TCP_CONNECT, protocol, Binding.INTERNAL) is None
    assert Phase.TCP_CONNECT not in EVERYTHING.phases_on(protocol, Binding.INTERNAL)
    endpoint = EndpointDef(url(f"{protocol.value}://app.internal"), EVERYTHING)
    assert endpoint.run(Phase.TCP_CONNECT) is None
    assert endpoint.run(Phase.HTTP_REQUEST) is close


@pytest.mark.parametrize("protocol", list(Protocol))
@pytest.mark.parametrize("binding", list(Binding))
def test_a_policy_hands_out_the_phases_of_the_table(protocol: Protocol, binding: Binding) -> None:
    given = {phase for phase in Phase if EVERYTHING.run(phase, protocol, binding) is not None}
    assert given == phases_of(protocol, binding) == set(EVERYTHING.phases_on(protocol, binding))


def test_a_phase_without_rules_is_not_there() -> None:
    assert EMPTY_POLICY.run(Phase.HTTP_REQUEST, Protocol.HTTPS, Binding.PUBLIC) is None


def test_the_key_of_an_endpoint_has_the_account_and_an_explicit_port() -> None:
    endpoint = EndpointDef(url("https://app.internal"), EMPTY_POLICY, account="shop")
    assert endpoint.key == EndpointKey("shop", Binding.INTERNAL, Protocol.HTTPS, "app.internal", 443)
    assert endpoint.is_cloud


def test_the_id_of_an_endpoint_is_its_own_and_stays() -> None:
    key = EndpointDef(url("https://app.internal"), EMPTY_POLICY).key
    ids = {endpoint_id(key), endpoint_id(key, 1), endpoint_id(key._replace(account="shop"))}
    assert len(ids) == 3
    assert endpoint_id(key) in ids
    assert all(each.startswith("ep_") for each in ids)
