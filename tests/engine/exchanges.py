"""Exchanges made by hand, and single phases compiled from text: what tests of actions are written with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from policyc.engine.action import Action, Site
from policyc.engine.actions import find
from policyc.engine.cel import ir
from policyc.engine.cel.check import check
from policyc.engine.cel.fold import fold
from policyc.engine.cel.scope import Scope
from policyc.engine.generate.phase import RuleCode, compile_phase
from policyc.engine.outcome import Outcome
from policyc.engine.phases import Binding, Phase, Protocol
from policyc.engine.schema import Config
from policyc.engine.traffic import Connection, EndpointInfo, Exchange, Headers, Request, Response
from policyc.engine.types import BOOL
from policyc.engine.values import EvalError
from policyc.grammar import syntax
from policyc.grammar.diagnostic import Diagnostic, Report
from policyc.grammar.documents import read_yaml
from policyc.grammar.parser import parse_policy
from policyc.grammar.source import Source

Lines = Iterable[tuple[str, str]]


class FakeServices:
    """What a policy asks from outside: scripted. `secrets` by (vault, name), `waits` for `take`."""

    def __init__(self) -> None:
        self.secrets: dict[tuple[str, str], str] = {}
        self.waits: list[int] = []
        self.taken: list[tuple[str, int, int]] = []

    def now_ns(self) -> int:
        return 1_700_000_000 * 10**9

    def random_int(self, low: int, high: int) -> int:
        return low

    def random_double(self) -> float:
        return 0.5

    def secret(self, vault: str, name: str) -> str:
        try:
            return self.secrets[vault, name]
        except KeyError:
            raise EvalError("no_such_secret", f"there is no secret {vault}/{name}") from None

    def take(self, bucket: str, capacity: int, window_s: int) -> int:
        self.taken.append((bucket, capacity, window_s))
        return self.waits.pop(0) if self.waits else 0


def headers(lines: Lines = ()) -> Headers:
    """Return headers from texts."""
    return Headers([(name.encode(), value.encode()) for name, value in lines])


def exchange(
    url: str = "https://shop.example.com/",
    *,
    method: str = "GET",
    lines: Lines = (),
    client_ip: str = "198.51.100.7",
    response: Response | None = None,
    services: FakeServices | None = None,
) -> Exchange:
    """Return an exchange of a request for `url` with these header lines besides Host."""
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    request = Request(method, scheme, host, slash + path or "/", headers([("host", host), *lines]))
    info = EndpointInfo(f"{scheme}://{host}", scheme, host, 443 if scheme == "https" else 80)
    made = Exchange(
        Connection(client_ip, 50_000, "192.0.2.1", 443), info, services or FakeServices(), request
    )
    if response is not None:
        made.res = response
    return made


def response(status: int = 200, lines: Lines = (), body: bytes | None = None) -> Response:
    """Return a response from the upstream."""
    return Response(status, headers(lines), body=body)


@dataclass
class Checked:
    """A phase of a text: its actions with their configs, and what was found."""

    phase: Phase
    rules: list[tuple[ir.Node | None, list[tuple[Action, Config | None, Site]]]] = field(default_factory=list)
    report: Report = field(default_factory=Report)

    @property
    def found(self) -> list[Diagnostic]:
        """The findings in order."""
        return self.report.sorted()

    @property
    def names(self) -> list[str]:
        """The names of the findings' codes in order."""
        return [found.code.name for found in self.found]

    @property
    def errors(self) -> list[str]:
        """The names of the errors."""
        return [found.code.name for found in self.found if found.severity == "error"]

    @property
    def only(self) -> Diagnostic:
        """The one finding."""
        assert len(self.found) == 1, [(found.code.name, found.message) for found in self.found]
        return self.found[0]

    def config(self, index: int = 0) -> Config:
        """Return the config of an action of the first rule."""
        config = self.rules[0][1][index][1]
        assert config is not None, [found.message for found in self.found]
        return config

    def action(self, index: int = 0) -> Action:
        """Return an action of the first rule."""
        return self.rules[0][1][index][0]

    def run(self) -> Callable[[Exchange], Outcome | None]:
        """Return the compiled phase; there must be no errors."""
        assert not self.errors, [(found.code.name, found.message) for found in self.found]
        rules = []
        for condition, actions in self.rules:
            steps = []
            for action, config, site in actions:
                assert config is not None
                assert action.compile is not None, f"{action.name} cannot run"
                steps.append(action.compile(config, site))
            rules.append(RuleCode(condition, tuple(steps), tuple(a.resumes for a, _, _ in actions), ""))
        return compile_phase(rules)


def checked(
    text: str,
    *,
    protocol: Protocol | None = None,
    binding: Binding | None = None,
    is_cloud: bool | None = None,
) -> Checked:
    """Check the only phase of a text: `.policy`, or YAML if it has `actions:` in it."""
    is_yaml = "actions:" in text
    report = Report()
    source = Source("test.yaml" if is_yaml else "test.policy", text)
    document = read_yaml(source, report) if is_yaml else parse_policy(source, report)
    assert not report.has_errors, [found.message for found in report]
    lets = {item.name: item for item in document.items if isinstance(item, syntax.Let)}
    (node,) = (item for item in document.items if isinstance(item, syntax.Phase))
    phase = Phase(node.key.value)
    out = Checked(phase)
    scope = Scope.traffic(phase, protocol, binding, lets)
    for number, rule in enumerate(node.rules):
        assert isinstance(rule, syntax.Rule)
        conditions = []
        for condition in rule.conditions:
            assert condition.expr is not None
            typed = check(condition.expr, scope, out.report, want=BOOL)
            if typed is not None:
                conditions.append(fold(typed))
        joined: ir.Node | None = ir.And(tuple(conditions), BOOL, rule.span) if conditions else None
        if len(conditions) == 1:
            joined = conditions[0]
        actions = []
        for index, item in enumerate(rule.actions):
            action = find(item.type.value)
            assert isinstance(action, Action), item.type.value
            path = item.path or f"{phase}[{number}].actions[{index}]"
            site = Site(
                phase, scope, out.report, path, f"ep/{phase}/{number}/{index}", protocol, binding, is_cloud,
                "yaml" if is_yaml else "policy",
            )  # fmt: skip
            config = action.read(item, site)
            if config is not None and action.check is not None:
                action.check(config, site)
            scope.ran(action.result_name)
            actions.append((action, config, site))
        out.rules.append((joined, actions))
    return out


def run(text: str, x: Exchange) -> Outcome | None:
    """Check, compile and run the only phase of a text."""
    return checked(text).run()(x)


def result(x: Exchange, name: str) -> Any:
    """Return what an action published."""
    return x.results[name]


def config_of(action: str, config: str, phase: str = "on_http_request") -> Checked:
    """Check one action with a config in YAML flow style."""
    return checked(f"{phase}:\n  - actions:\n      - type: {action}\n        config: {config}\n")
