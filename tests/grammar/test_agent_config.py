import pytest

from policyc.grammar import syntax
from policyc.grammar.diagnostic import Report
from policyc.grammar.documents import read_yaml
from policyc.grammar.source import Source

FULL = """\
version: 3
agent:
  authtoken: x
  unknown_option: 1
endpoints:
  - name: web
    url: https://web.example.com
    bindings: [public]
    upstream:
      url: 8080
      protocol: http2
    traffic_policy:
      on_http_request:
        - expressions: ["a"]
          actions: [{type: deny}]
  - name: db
    url: tcp://db.internal:5432
    upstream: { url: tcp://127.0.0.1:5432 }
    traffic_policy_file: policy.yaml
"""


def read(document: str) -> tuple[syntax.Document, list[tuple[str, str | None]]]:
    report = Report()
    found = read_yaml(Source("x.yaml", document), report)
    return found, [(d.code.id, d.path) for d in report.sorted()]


def test_endpoints_come_with_upstream_settings_and_policy() -> None:
    document, said = read(FULL)
    assert said == [("P0586", "agent.unknown_option")]
    assert document.form == "agent"
    web, db = document.items
    assert isinstance(web, syntax.Endpoint)
    assert isinstance(db, syntax.Endpoint)
    assert (web.url and web.url.value, web.upstream and web.upstream.value) == (
        "https://web.example.com",
        "8080",
    )
    assert [s.key.value for s in web.settings] == ["name", "bindings", "upstream.protocol"]
    assert web.path == "endpoints[0]"
    [phase] = web.phases
    assert phase.rules[0].path == "endpoints[0].traffic_policy.on_http_request[0]"  # type: ignore[union-attr]
    assert [s.key.value for s in db.settings] == ["name", "traffic_policy_file"]
    assert db.phases == ()


END = "upstream: {url: 80}"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("endpoints: []", [("P0580", "version")]),
        ("version: 2\nendpoints: []", [("P0580", "version")]),
        ("version: '3'", []),
        ("version: 3\ntunnels: {a: {}}", [("P0581", "tunnels")]),
        ("version: 3\nendpoint: []", [("P0582", "endpoint")]),
        ("version: 3\nendpoints: {}", [("P0384", "endpoints")]),
        ("version: 3\nendpoints: [x]", [("P0384", "endpoints[0]")]),
        ("version: 3\nendpoints: [{url: https://a.b}]", [("P0583", "endpoints[0].upstream")]),
        ("version: 3\nendpoints: [{upstream: {}}]", [("P0583", "endpoints[0].upstream.url")]),
        (f"version: 3\nendpoints: [{{{END}, policy: {{}}}}]", [("P0585", "endpoints[0].policy")]),
        (
            f"version: 3\nendpoints: [{{{END}, policy: {{}}, traffic_policy: {{}}}}]",
            [("P0584", "endpoints[0].policy")],
        ),
        (
            f"version: 3\nendpoints: [{{{END}, traffic_policy: 'x'}}]",
            [("P0384", "endpoints[0].traffic_policy")],
        ),
        (
            f"version: 3\nendpoints: [{{{END}, traffic_policy: {{on_x: []}}}}]",
            [("P0381", "endpoints[0].traffic_policy.on_x")],
        ),
    ],
)
def test_what_an_agent_config_may_hold(document: str, said: list[tuple[str, str | None]]) -> None:
    assert read(document)[1] == said
