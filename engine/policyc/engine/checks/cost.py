"""Expressions and templates that a request could make too dear (cel/cost.py), each with the part that costs.

What `set-vars` sets is followed through the phase: a variable is as large as the largest value that an
earlier rule can have given it.
"""

from __future__ import annotations

from collections.abc import Iterator

from policyc.engine.cel import ir
from policyc.engine.cel.cost import Bill, Dearest, bill
from policyc.engine.cel.extent import Amount, Extent, anything, gathered, joined, of_constant, text
from policyc.engine.draft import DraftPolicy, DraftRule, report_on
from policyc.engine.options import Options
from policyc.engine.schema.evaluate import is_string
from policyc.engine.schema.reading import Constant, Dynamic, Entries, Items, Reading
from policyc.engine.types import DYN
from policyc.grammar.codes import declare
from policyc.grammar.diagnostic import Label, Report
from policyc.grammar.source import Span

TOO_COSTLY = declare(
    "P0823",
    "expression-too-costly",
    "an expression can take too long",
    explanation="Every expression has a bound: what it costs at most for any request that the gateway lets "
    "in (a head of 64 KiB, a target of 16 KiB, 100 header fields). A unit is about ten nanoseconds, and "
    "1,000,000 units are allowed: one request must not hold up all others. Mostly a loop in a loop is too "
    "dear, or one over all parts of a long text. The limit is `--cost-limit`.",
    wrong="on_http_request { when req.headers.exists(a, req.headers.exists(b, req.headers.exists(c, "
    "a + b == c))) { deny } }",
    right='on_http_request { when req.headers.exists(a, a.startsWith("x-internal-")) { deny } }',
    ngrok=2200,
)


def check_cost(policies: list[DraftPolicy], options: Options, report: Report) -> None:
    """Report each condition and each field whose cost can pass the limit."""
    for policy in policies:
        for phase in policy.in_order():
            check = _Phase(options, report)
            for rule in phase.rules:
                check.rule(rule)


class _Phase:
    """The rules of one phase in their order; `variables` are the extents of what they have set so far."""

    def __init__(self, options: Options, report: Report) -> None:
        self._options = options
        self._report = report
        self._variables: dict[str, Extent] = {}

    def rule(self, rule: DraftRule) -> None:
        """Check a rule: its conditions, then its actions."""
        for written, node in zip(rule.node.conditions, rule.conditions, strict=False):
            if node is not None:
                self._judge([self._bill(node)], written.span, written.path, rule)
        for action in rule.actions:
            if action.config is None or action.declared is None:
                continue
            sets = action.declared.name == "set-vars"
            for name, reading in _readings(action.config):
                bills = [self._bill(node) for node in reading.nodes()]
                if bills:
                    self._judge(bills, reading.span, reading.path, rule)
                if sets:
                    self._set(name, reading)

    def _bill(self, node: ir.Node) -> Bill:
        return bill(node, self._options.message_limits, self._variables)

    def _judge(self, bills: list[Bill], span: Span, path: str | None, rule: DraftRule) -> None:
        units = sum(each.units for each in bills)
        limit = self._options.cost_limit
        if units <= limit:
            return
        dearest = max(bills, key=lambda each: each.units).dearest()
        message = f"this can cost {units:,.0f} units for one request, more than the {limit:,} allowed"
        report_on(
            rule, self._report, TOO_COSTLY, message, span,
            labels=[Label(dearest.node.span, _remark(dearest))], hint=_hint(dearest), path=path,
        )  # fmt: skip

    def _set(self, name: str, reading: Reading) -> None:
        extent = self._extent(reading)
        known = self._variables.get(name)
        self._variables[name] = extent if known is None else joined(known, extent)

    def _extent(self, reading: Reading) -> Extent:
        if isinstance(reading, Constant):
            return of_constant(reading.value)
        if isinstance(reading, Items):
            return gathered([self._extent(item) for item in reading.items])
        if isinstance(reading, Entries):
            names = [text(len(name)) for name in reading.entries]
            values = [self._extent(entry) for entry in reading.entries.values()]
            return gathered([*names, *values])._replace(length=Amount(len(names)))
        parts = [self._bill(node) for node in reading.nodes()]
        type = reading.type if isinstance(reading, Dynamic) else DYN
        if len(parts) == 1 and not is_string(type):
            return parts[0].extent
        # A text made of parts, or a map with computed keys; what the author wrote in it comes on top.
        written = len(reading.span.text)
        characters = sum(map(_characters, parts)) + written
        if is_string(type):
            return text(characters)
        return anything(characters, sum(part.extent.values.most + 1 for part in parts) + written)


def _readings(reading: Reading, name: str = "") -> Iterator[tuple[str, Reading]]:
    """Give the values in a config that are known or worked out one by one, each with its key."""
    if isinstance(reading, Entries):
        for key, entry in reading.entries.items():
            yield from _readings(entry, key)
    elif isinstance(reading, Items):
        for item in reading.items:
            yield from _readings(item, name)
    else:
        yield name, reading


def _characters(part: Bill) -> float:
    """Return how long the text of a value can be: what is no text becomes JSON (coerce.to_text)."""
    extent = part.extent
    if is_string(part.node.type):
        return extent.characters.most
    return extent.characters.most * 6 + extent.values.most * 30 + 40


def _remark(dearest: Dearest) -> str:
    if not dearest.turns:
        return f"this part alone costs up to {dearest.units:,.0f}"
    times = " x ".join(f"{turns:,}" for turns in dearest.turns)
    return f"runs up to {times} times, for up to {dearest.units:,.0f} units each time"


def _hint(dearest: Dearest) -> str:
    if len(dearest.turns) > 1:
        return "each loop in a loop multiplies: look at one header or one list by name instead of at all"
    if dearest.turns:
        return "loop over less: `split` with a limit, `substring` or `slice` take a part first"
    node = dearest.node
    if isinstance(node, ir.Apply) and node.function == "matches" and not isinstance(node.args[1], ir.Const):
        return "write the pattern as a constant: one that comes with the traffic is compiled for each request"
    return "give it less to work on, or divide it among several rules"
