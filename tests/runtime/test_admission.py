"""The connections of https endpoints through `on_tcp_connect`, without a socket."""

from __future__ import annotations

import pytest
from tests.runtime.test_secure_table import snapshot

from policyc.engine.endpoint_url import EndpointUrl, parse_endpoint_url
from policyc.engine.model import EndpointKey
from policyc.engine.outcome import Close, Fail, Forward, Outcome, Respond, Terminate, TlsTerms
from policyc.engine.phases import Phase
from policyc.engine.traffic import Connection, Exchange, Tls
from policyc.runtime.admission import HttpsAdmission
from policyc.runtime.endpoints import PublicEndpoint, Run
from policyc.runtime.exchange import Admitted, Surroundings
from policyc.runtime.forwarded import Forwarding
from policyc.runtime.observe import Record
from policyc.runtime.services import LocalServices
from policyc.runtime.settings import Settings
from policyc.runtime.state import RateLimiter
from policyc.runtime.stream import StreamUpstream

TERMS = TlsTerms("1.3")


class Client:
    """The client's side; `heard` is what it was told."""

    def __init__(self, run: Run | None) -> None:
        self.heard: list[object] = []
        self.records: list[Record] = []
        url = parse_endpoint_url("https://a.example")
        assert isinstance(url, EndpointUrl)
        key = EndpointKey("default", url.binding, url.scheme, url.host, url.port)
        phases = {} if run is None else {Phase.TCP_CONNECT: run}
        self.endpoint = PublicEndpoint(key, url.url, phases, None)
        self.conn = Connection("192.0.2.1")
        self.conn.tls = Tls("a.example")
        served = snapshot(self.endpoint)
        around = Surroundings(
            Settings(),
            LocalServices(RateLimiter(lambda: 0.0)),
            Forwarding(),
            self.records.append,
            lambda _: None,
        )
        self.admission = HttpsAdmission(self, self.conn, served, around)
        pool = served.secure.find("a.example")
        assert pool is not None
        self.admission.begin(pool)

    def terminate(self, terms: TlsTerms | None) -> None:
        self.heard.append(("terminate", terms))

    def shaken(self) -> None:
        assert self.conn.tls is not None
        self.conn.tls.version = "1.3"
        self.admission.terminated()

    def close(self, *, reset: bool = False) -> None:
        self.heard.append("close")
        self.admission.finish()

    def connect(self, upstream: StreamUpstream) -> None:
        raise AssertionError("https is no stream")

    def let_in(self) -> None:
        self.heard.append("in")


def answering(outcome: Outcome | None) -> Run:
    def run(exchange: Exchange) -> Outcome | None:
        exchange.acted.append("rule")
        return outcome

    return run


def test_without_a_policy_the_handshake_is_on_the_gateways_own_terms() -> None:
    client = Client(None)
    assert client.heard == [("terminate", None)]
    client.shaken()
    assert client.heard[1:] == ["in"]
    admitted = Admitted(False)
    client.admission.enter(admitted)
    assert admitted.terms is None
    assert admitted.chosen[client.endpoint.key] is client.endpoint
    assert client.records == []


def test_a_policy_sets_the_terms_and_goes_on_behind_the_handshake() -> None:
    seen = []

    def resume(exchange: Exchange) -> None:
        assert exchange.conn.tls is not None
        seen.append(exchange.conn.tls.version)
        exchange.results["terminate_tls"] = {"version": "1.3"}

    client = Client(answering(Terminate(TERMS, resume)))
    assert client.heard == [("terminate", TERMS)]
    assert seen == []
    client.shaken()
    assert (seen, client.heard[1:]) == (["1.3"], ["in"])
    admitted = Admitted(False)
    client.admission.enter(admitted)
    assert admitted.terms == TERMS
    assert admitted.results == {client.endpoint.meaning: {"terminate_tls": {"version": "1.3"}}}
    [record] = client.records
    assert (record["protocol"], record["rules"], record["sni"]) == ("https", ["rule"], "a.example")


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (Close("deny"), "deny"),
        (Respond(403, reason="restrict-ips"), "restrict-ips"),
        (Fail(2254, "a condition failed"), "policy_error"),
        (Forward("https://e.internal"), "no_forward_on_connect"),
    ],
)
@pytest.mark.parametrize("is_behind", [False, True])
def test_whatever_else_a_policy_answers_closes(outcome: Outcome, reason: str, is_behind: bool) -> None:
    client = Client(answering(Terminate(TERMS, lambda exchange: outcome) if is_behind else outcome))
    if is_behind:
        client.shaken()
    assert client.heard[is_behind:] == ["close"]
    assert client.records[0]["reason"] == reason
    assert client.records[0]["endpoints"] == ["https://a.example"]


def test_there_is_no_second_handshake() -> None:
    client = Client(answering(Terminate(TERMS, lambda exchange: Terminate(TERMS, lambda x: None))))
    client.shaken()
    assert client.heard[1:] == ["close"]
    assert client.records[0]["reason"] == "internal_error"


def test_a_policy_that_raises_behind_the_handshake_closes() -> None:
    def resume(exchange: Exchange) -> None:
        raise RuntimeError("oops")

    client = Client(answering(Terminate(TERMS, resume)))
    client.shaken()
    assert client.heard[1:] == ["close"]
    assert client.records[0]["reason"] == "internal_error"
