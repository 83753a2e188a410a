import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from policyc.engine.cel.plan import has_variable, read_variable
from policyc.engine.phases import Binding, Phase
from policyc.engine.traffic import (
    Certificate,
    Connection,
    EndpointInfo,
    Exchange,
    Headers,
    Request,
    Response,
    Tls,
)
from policyc.engine.types import BOOL, HEADERS, INT, STRING, TIMESTAMP, Field, Record, Type, list_of, map_of
from policyc.engine.values import EvalError, Timestamp
from policyc.engine.variables import VARIABLES, results_variable, zero_of

Golden = Callable[[str, str], None]

# c: on_tcp_connect, q: on_http_request, s: on_http_response, e: on_event_stream_message
LETTERS = dict(zip(Phase, "cqse", strict=True))

SPEC = Path(__file__).parents[2].parent / "shared" / "spec" / "variables.md"


class Clock:
    def now_ns(self) -> int:
        return 0


def exchange() -> Exchange:
    lines = [
        (b"Host", b"Example.com:8443"),
        (b"Content-Type", b"text/plain; charset=utf-8"),
        (b"User-Agent", b"curl/8"),
        (b"Cookie", b"a=1"),
    ]
    request = Request("GET", "https", "Example.com:8443", "/a/../b?q=1", Headers(lines))
    x = Exchange(
        Connection("1.2.3.4", 5, "10.0.0.1", 443, started=Timestamp(7)),
        EndpointInfo("https://example.com", "https", "example.com", 443, id="ep_1"),
        Clock(),  # type: ignore[arg-type]
        request,
    )
    x.res = Response(
        404, Headers([(b"Location", b"/there"), (b"Set-Cookie", b"s=1; Path=/")]), content_length=3
    )
    return x


def read(path: str, x: Exchange | None = None) -> Any:
    return read_variable(VARIABLES[path], x or exchange())


def has(path: str, x: Exchange | None = None) -> bool:
    return has_variable(VARIABLES[path], x or exchange())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("conn.client_ip", "1.2.3.4"),
        ("conn.client_port", 5),
        ("conn.server_ip", "10.0.0.1"),
        ("conn.server_port", 443),
        ("conn.server_region", "local"),
        ("conn.ts.start", Timestamp(7)),
        ("conn.bytes_in", 0),
        ("endpoint.addr", "example.com:443"),
        ("endpoint.id", "ep_1"),
        ("endpoint.url", "https://example.com"),
        ("req.method", "GET"),
        ("req.host", "Example.com:8443"),
        ("req.url", "https://example.com:8443/b?q=1"),
        ("req.url.raw", "https://Example.com:8443/a/../b?q=1"),
        ("req.url.host", "example.com"),
        ("req.url.port", 8443),
        ("req.url.path", "/b"),
        ("req.url.raw_path", "/a/../b"),
        ("req.url.query", "q=1"),
        ("req.url.query_params", {"q": ["1"]}),
        ("req.url.scheme", "https"),
        ("req.url.uri", "/b?q=1"),
        ("req.content_type", "text/plain"),
        ("req.content_type.raw", "text/plain; charset=utf-8"),
        ("req.content_type.parameters", {"charset": "utf-8"}),
        ("req.user_agent", "curl/8"),
        ("req.user_agent.is_bot", False),
        ("req.version", "HTTP/1.1"),
        ("res.status_code", 404),
        ("res.location", "/there"),
        ("res.content_length", 3),
        ("time.now", "1970-01-01T00:00:00Z"),
        ("vars", {}),
        ("actions.ngrok", {}),
    ],
)
def test_variables_read_what_the_exchange_holds(path: str, value: object) -> None:
    assert read(path) == value


def test_cookies_are_records_by_name() -> None:
    assert read("req.cookies")["a"][0]["value"] == "1"
    assert read("res.cookies")["s"][0]["path"] == "/"


def test_headers_are_read_from_the_map_that_changes_keep_in_step() -> None:
    x = exchange()
    assert read("req.headers", x)["host"] == ["Example.com:8443"]
    x.req.headers.add("X-New", "1")
    assert read("req.headers", x)["x-new"] == ["1"]


@pytest.mark.parametrize(
    ("path", "present"),
    [
        ("req.content_length", False),
        ("res.content_length", True),
        ("req.content_type", True),
        ("res.content_type", False),
        ("req.location", False),
        ("res.location", True),
        ("req.url.port", True),
        ("req.url.query", True),
        ("req.url.user_password", False),
        ("req.ts.body_received", False),
        ("conn.geo.city", False),
        ("conn.tls.sni", False),
        ("conn.client_ip", True),
    ],
)
def test_presence(path: str, present: bool) -> None:
    assert has(path) is present


def test_an_absent_value_reads_as_zero_but_a_time_is_an_error() -> None:
    assert read("req.content_length") == 0
    assert read("conn.client_ip.categories") == []
    assert read("conn.k8s.pod.metadata.annotations") == {}
    with pytest.raises(EvalError):
        read("req.ts.body_received")


def test_tls_is_read_from_the_connection_whenever_it_becomes_known() -> None:
    x = exchange()
    assert read("conn.tls.sni", x) == ""
    x.conn.tls = Tls(sni="a.example.com")
    assert read("conn.tls.sni", x) == "a.example.com"
    assert has("conn.tls.sni", x)
    assert not has("conn.tls.negotiated_alpn", x)
    assert read("conn.tls.session_resumed", x) is False


def test_fields_of_a_certificate_are_there_if_there_is_one() -> None:
    x = exchange()
    paths = ("subject", "subject.common_name", "san.dns_names")
    assert [read(f"conn.tls.client.{path}", x) for path in paths] == ["", "", []]
    with pytest.raises(EvalError):
        read("conn.tls.client.validity.not_after", x)
    end = Timestamp(10**9)
    values = {"subject": "CN=ops", "subject.common_name": "ops", "validity.not_after": end}
    asked: list[bytes] = []

    def values_of(der: bytes) -> dict[str, object]:
        asked.append(der)
        return values

    x.conn.tls = Tls(version="1.3")
    x.conn.tls.client = Certificate(b"der", values_of)
    assert asked == []
    assert [read(f"conn.tls.client.{path}", x) for path in paths] == ["CN=ops", "ops", []]
    assert read("conn.tls.client.validity.not_after", x) == end
    assert has("conn.tls.client.subject", x)
    assert not has("conn.tls.client.san", x)
    assert not has("conn.tls.server.subject", x)
    assert read("conn.tls.server.subject", x) == ""
    assert asked == [b"der"]


def test_every_variable_can_be_read_and_has_the_type_it_says() -> None:
    x = exchange()
    for path, variable in VARIABLES.items():
        if variable.may_fail:
            continue
        assert fits(read(path, x), variable.type), path
        assert isinstance(has(path, x), bool), path


def fits(value: object, type: Type) -> bool:
    if type == HEADERS or type.name == "map" or isinstance(type, Record):
        return isinstance(value, dict)
    if type.name == "list":
        return isinstance(value, list)
    kinds: dict[Type, object] = {STRING: str, INT: int, BOOL: bool, TIMESTAMP: Timestamp}
    return value.__class__ is kinds[type]


def test_every_variable_has_a_doc_a_phase_and_a_known_source() -> None:
    for path, variable in VARIABLES.items():
        assert variable.path == path
        assert variable.doc, path
        assert variable.phases, path
        assert variable.source in (None, "geo", "categories", "user_agent", "kubernetes"), path


def test_phases_follow_the_namespace() -> None:
    assert VARIABLES["conn.client_ip"].phases == set(Phase)
    assert VARIABLES["req.method"].phases == set(Phase) - {Phase.TCP_CONNECT}
    assert VARIABLES["res.headers"].phases == {Phase.HTTP_RESPONSE, Phase.EVENT_STREAM_MESSAGE}
    assert VARIABLES["conn.k8s.pod.id"].bindings == {Binding.KUBERNETES}


def test_only_leaves_and_texts_are_variables() -> None:
    for path, variable in VARIABLES.items():
        below = [other for other in VARIABLES if other.startswith(f"{path}.")]
        assert not below or variable.type == STRING, path


def test_the_table_is_as_reviewed(golden: Golden) -> None:
    rows = [f"{'variable':48}{'type':28}{'phases':12}needs"]
    for path, variable in VARIABLES.items():
        phases = "".join(letter if phase in variable.phases else "-" for phase, letter in LETTERS.items())
        rows.append(f"{path:48}{variable.type!s:28}{phases:12}{variable.source or ''}".rstrip())
    golden("variables.txt", "\n".join(rows) + "\n")


def test_zeros() -> None:
    assert [zero_of(t) for t in (STRING, INT, BOOL)] == ["", 0, False]
    assert (zero_of(list_of(INT)), zero_of(map_of(STRING, INT)), zero_of(TIMESTAMP)) == ([], {}, None)


def test_the_results_of_actions_are_a_record_whose_fields_may_be_missing() -> None:
    made = results_variable({"b": Record("b"), "a": Record("a", (), {"n": Field(INT)})})
    assert isinstance(made.type, Record)
    assert made.type.partial
    assert list(made.type.fields) == ["a", "b"]
    assert (made.record, made.slot) == ("x", "results")


@pytest.mark.skipif(not SPEC.exists(), reason="the specification lies beside the project, not in it")
def test_every_path_that_the_specification_lists_is_declared() -> None:
    text = SPEC.read_text()
    listed = set(re.findall(r"^\| `((?:conn|endpoint|req|res|time)\.[a-z_.0-9]+)`", text, re.MULTILINE))
    listed = {path for path in listed if not path.startswith("conn.k8s.pod.metadata.annotations")}
    assert len(listed) > 50
    known = set(VARIABLES) | {path.rpartition(".")[0] for path in VARIABLES}
    assert listed - known == set()
