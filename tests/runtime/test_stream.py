"""A stream exchange without a socket: what the policy says, what is asked for, what is logged."""

from __future__ import annotations

from typing import Any

import pytest
from tests.runtime.test_endpoints import key

from policyc.engine.outcome import Close, Fail, Forward, Respond, Terminate, TlsTerms
from policyc.engine.phases import Binding, Phase
from policyc.engine.traffic import Connection, Tls
from policyc.engine.values import EvalError
from policyc.runtime.endpoints import InternalEndpoint, PublicEndpoint, make_snapshot
from policyc.runtime.exchange import Surroundings
from policyc.runtime.forwarded import Forwarding
from policyc.runtime.services import LocalServices
from policyc.runtime.settings import Settings
from policyc.runtime.state import RateLimiter
from policyc.runtime.stream import StreamExchange, StreamUpstream

HERE = StreamUpstream("tcp", "127.0.0.1", 9000)
DOWN = Fail(8012, "down", status=502)


def made(url: str, run: Any = None, relay: StreamUpstream | None = None) -> Any:
    at = key(url)
    kind = InternalEndpoint if at.binding is Binding.INTERNAL else PublicEndpoint
    return kind(at, url, {Phase.TCP_CONNECT: run} if run else {}, None, relay=relay)


class Stage:
    """Runs an exchange at tcp://a.example:1 and notes what it asks for."""

    def __init__(self, *endpoints: Any, settings: Settings | None = None) -> None:
        self.asked: list[str] = []
        self.log: list[Any] = []
        services = LocalServices(RateLimiter(lambda: 0.0))
        around = Surroundings(settings or Settings(), services, Forwarding(), self.log.append)
        snapshot = make_snapshot(endpoints)
        self.conn = Connection("192.0.2.1", 1)
        self.exchange = StreamExchange(self, self.conn, "tcp", snapshot, around)
        pool = snapshot.streams.by_port(1, "")
        assert pool is not None
        self.exchange.begin(pool)

    def connect(self, upstream: StreamUpstream) -> None:
        self.asked.append(upstream.name)

    def terminate(self, terms: TlsTerms | None) -> None:
        assert terms is not None
        self.asked.append(f"terminate {terms.min_version}")

    def shaken(self) -> None:
        self.conn.tls = Tls("a.example", "1.3")
        self.exchange.terminated()

    def close(self, *, reset: bool = False) -> None:
        self.asked.append("reset" if reset else "close")

    def record(self, reason: str = "") -> Any:
        self.exchange.finish(reason)
        self.exchange.finish("twice")
        (record,) = self.log
        return record


def failing(x: Any) -> None:
    raise EvalError("overflow", "too much")


@pytest.mark.parametrize(
    ("run", "asked", "reason"),
    [
        (None, "tcp://127.0.0.1:9000", None),
        (lambda x: None, "tcp://127.0.0.1:9000", None),
        (lambda x: Close("deny"), "close", "deny"),
        (lambda x: Close(), "reset", "close-connection"),
        (lambda x: Respond(403, final=True), "close", "refused"),
        (lambda x: Fail(3900, "no"), "close", "policy_error"),
        (failing, "close", "policy_error"),
        (lambda x: Forward("tcp://none.internal:1"), "close", "no_endpoint"),
        (lambda x: Forward("https://b.internal"), "close", "no_endpoint"),
        (lambda x: Forward("tcp://b.example:1"), "close", "policy_error"),
        (lambda x: Forward("tcp://b.internal:1"), "tcp://127.0.0.1:1", None),
        (lambda x: Forward("tls://c.internal"), "close", "not_terminated"),
    ],
)
def test_policy_says_where_a_connection_goes(run: Any, asked: str, reason: str | None) -> None:
    stage = Stage(
        made("tcp://a.example:1", run, HERE),
        made("https://b.internal"),
        made("tcp://b.internal:1", relay=StreamUpstream("tcp", "127.0.0.1", 1)),
        made("tls://c.internal", lambda x: None),
    )
    assert stage.asked == [asked]
    assert stage.record().get("reason") == reason


def test_record_holds_the_connection_and_its_way() -> None:
    def log(x: Any) -> None:
        x.logs.append({"m": 1})
        x.acted.append("rule")

    stage = Stage(made("tcp://a.example:1", log, HERE))
    stage.conn.bytes_in, stage.conn.bytes_out = 3, 4
    stage.conn.tls = Tls(sni="a.example")
    record = stage.record("client_gone")
    assert record.pop("ts").endswith("Z")
    assert record.pop("duration_ms") >= 0
    assert record == {
        "client": "192.0.2.1",
        "protocol": "tcp",
        "sni": "a.example",
        "bytes_in": 3,
        "bytes_out": 4,
        "endpoints": ["tcp://a.example:1"],
        "rules": ["rule"],
        "reason": "client_gone",
        "upstream": "tcp://127.0.0.1:9000",
        "logs": [{"m": 1}],
    }


def test_record_can_be_left_to_somebody_else() -> None:
    stage = Stage(made("tcp://a.example:1", relay=HERE))
    stage.exchange.drop()
    stage.exchange.finish()
    assert stage.log == []


def test_failed_upstream_of_a_forward_goes_on_where_on_error_says_so() -> None:
    seen = []

    def on(x: Any) -> Forward:
        return Forward("tcp://b.internal:1", lambda later, failure: seen.append(failure.code))

    stage = Stage(
        made("tcp://a.example:1", on, HERE),
        made("tcp://b.internal:1", lambda x: Forward("tcp://c.internal:1")),
        made("tcp://c.internal:1", relay=StreamUpstream("unix", path="/run/c")),
    )
    assert stage.asked == ["unix:/run/c"]
    stage.exchange.upstream_failed(DOWN)
    assert seen == [8012]
    assert stage.asked == ["unix:/run/c", "tcp://127.0.0.1:9000"]
    stage.exchange.upstream_failed(DOWN)
    assert stage.asked[-1] == "close"
    record = stage.record()
    assert (record["reason"], record["error"], record["detail"]) == (
        "upstream_unreachable",
        "ERR_NGROK_8012",
        "down",
    )
    assert "upstream" not in record


def test_failure_after_the_end_is_nothing() -> None:
    stage = Stage(made("tcp://a.example:1", relay=HERE))
    stage.record("client_gone")
    stage.exchange.upstream_failed(DOWN)
    assert stage.asked == ["tcp://127.0.0.1:9000"]


def test_endpoints_passed_are_limited() -> None:
    circle = made("tcp://b.internal:1", lambda x: Forward("tcp://b.internal:1"))
    stage = Stage(
        made("tcp://a.example:1", lambda x: Forward("tcp://b.internal:1")),
        circle,
        settings=Settings(hops_limit=2),
    )
    record = stage.record()
    assert record["reason"] == "hop_limit"
    assert record["endpoints"] == ["tcp://a.example:1"] + ["tcp://b.internal:1"] * 2


def test_forwards_that_fail_and_go_on_end_too() -> None:
    def again(x: Any, failure: Any = None) -> Forward:
        return Forward("tcp://none.internal:1", again)

    stage = Stage(made("tcp://a.example:1", again), settings=Settings(forwards_limit=10))
    assert stage.asked == ["close"]
    assert stage.record()["error"] == "ERR_NGROK_3501"


def ending_tls(then: Any = None) -> Any:
    return lambda x: Terminate(TlsTerms("1.3"), lambda later: then)


def test_the_client_shakes_hands_where_the_policy_says_so_and_the_policy_goes_on() -> None:
    upstream = StreamUpstream("tcp", "127.0.0.1", 9000)
    stage = Stage(made("tcp://a.example:1", ending_tls(), upstream))
    assert stage.asked == ["terminate 1.3"]
    stage.shaken()
    assert stage.asked[1:] == ["tcp://127.0.0.1:9000"]


def test_a_policy_may_forward_behind_the_handshake_and_refuse() -> None:
    upstream = StreamUpstream("tcp", "127.0.0.1", 9000)
    inner = made("tls://b.internal", None, upstream)
    stage = Stage(made("tcp://a.example:1", ending_tls(Forward("tls://b.internal"))), inner)
    stage.shaken()
    assert stage.asked[1:] == ["tcp://127.0.0.1:9000"]
    stage = Stage(made("tcp://a.example:1", ending_tls(Close("deny")), upstream))
    stage.shaken()
    assert stage.asked[1:] == ["close"]
    assert stage.record()["reason"] == "deny"


def test_there_is_one_handshake_on_the_way() -> None:
    inner = made("tls://b.internal", ending_tls(), StreamUpstream("tcp", "127.0.0.1", 9000))
    stage = Stage(made("tcp://a.example:1", ending_tls(Forward("tls://b.internal"))), inner)
    stage.shaken()
    assert stage.asked[1:] == ["close"]
    assert stage.record()["reason"] == "internal_error"


def test_settings_of_the_agent_end_tls_behind_the_policy() -> None:
    upstream = StreamUpstream("tcp", "127.0.0.1", 9000, terms=TlsTerms("1.3"))
    stage = Stage(made("tcp://a.example:1", None, upstream))
    assert stage.asked == ["terminate 1.3"]
    stage.shaken()
    assert stage.asked[1:] == ["tcp://127.0.0.1:9000"]
    stage = Stage(made("tcp://a.example:1", ending_tls(), upstream))
    stage.shaken()
    assert stage.asked[1:] == ["close"]
    assert stage.record()["reason"] == "internal_error"
