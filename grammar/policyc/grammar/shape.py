"""From the values of a YAML or JSON document to phases, rules and actions (spec/policy-language.md §1).

What a document may hold is narrow, and whatever else stands in it is an error: a part of a policy that is
silently dropped is a door left open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from policyc.grammar import limits
from policyc.grammar.build import RULE_WITHOUT_ACTIONS, check_counts
from policyc.grammar.codes import Code, declare
from policyc.grammar.diagnostic import Label, Report, Severity
from policyc.grammar.nearest import nearest
from policyc.grammar.parser import parse_expression
from policyc.grammar.source import Span, Text
from policyc.grammar.syntax import (
    Action,
    Condition,
    ListValue,
    MapEntry,
    MapValue,
    Phase,
    PlainValue,
    Rule,
    TextValue,
    Value,
)

PHASE_KEYS = ("on_tcp_connect", "on_http_request", "on_http_response", "on_event_stream_message")
LEGACY_PHASE_KEYS = ("inbound", "outbound")

UNKNOWN_TOP_KEY = declare(
    "P0381",
    "unknown-top-level-key",
    "a key of the document is no phase",
    explanation="The top-level keys of a policy are its phases. An unknown key is an error because a phase "
    "whose name is "
    "misspelt would otherwise silently not exist.",
    wrong="on_http_requests:\n  - actions: [{ type: deny }]",
    right="on_http_request:\n  - actions: [{ type: deny }]",
    ngrok=2236,
)
WRAPPED_POLICY = declare(
    "P0382",
    "wrapped-policy",
    "the policy is wrapped in another document",
    explanation="In a file of its own a policy has its phases at the top level. The keys `traffic_policy` "
    "and `policy` belong "
    "to agent config files and to the API.",
    wrong="traffic_policy:\n  on_http_request:\n    - actions: [{ type: deny }]",
    right="on_http_request:\n  - actions: [{ type: deny }]",
    ngrok=2236,
)
ENABLED_KEY = declare(
    "P0383",
    "enabled-key",
    "`enabled` is gone",
    explanation="Only the old edge modules had `enabled`. `true` is read over with a warning. `false` is "
    "refused: a policy that its "
    "author believes to be off must not be half on.",
    wrong="enabled: false\non_http_request: []",
    right="on_http_request: []",
    ngrok=2236,
)
WRONG_SHAPE = declare(
    "P0384",
    "wrong-shape",
    "something else belongs here",
    explanation="A policy is a mapping of phases; a phase is a list of rules; a rule is a mapping with "
    "`name`, `expressions` and "
    "`actions`; an action is a mapping with `type` and `config`.",
    wrong="on_http_request:\n  actions:\n    - type: deny",
    right="on_http_request:\n  - actions:\n      - type: deny",
    ngrok=2203,
)
UNKNOWN_RULE_KEY = declare(
    "P0385",
    "unknown-rule-key",
    "a rule has no such key",
    explanation="A rule has `name`, `expressions` and `actions`, and nothing else. `type` and `config` "
    "belong to an action, one "
    "level deeper, in the list `actions`.",
    wrong="on_http_request:\n  - type: deny",
    right="on_http_request:\n  - actions:\n      - type: deny",
    ngrok=2203,
)
UNKNOWN_ACTION_KEY = declare(
    "P0386",
    "unknown-action-key",
    "an action has no such key",
    explanation="An action has `type` and `config`, and nothing else; its fields stand below `config`.",
    wrong="on_http_request:\n  - actions:\n      - type: deny\n        status_code: 401",
    right="on_http_request:\n  - actions:\n      - type: deny\n        config: { status_code: 401 }",
    ngrok=2203,
)
ACTION_WITHOUT_TYPE = declare(
    "P0387",
    "action-without-type",
    "an action has no type",
    explanation="Every action names its `type`.",
    wrong="on_http_request:\n  - actions:\n      - config: { status_code: 401 }",
    right="on_http_request:\n  - actions:\n      - type: deny\n        config: { status_code: 401 }",
    ngrok=2234,
)
EXPRESSION_SHAPE = declare(
    "P0388",
    "expression-shape",
    "an expression is a text",
    explanation="`expressions` is a list of texts, each a CEL expression; all must hold. An unquoted "
    "expression that holds `: ` or "
    "begins with `{` or `[` is read by YAML as something else: put quotes around it.",
    wrong="on_http_request:\n  - expressions: req.method == 'GET'\n    actions: [{ type: deny }]",
    right="on_http_request:\n  - expressions:\n      - req.method == 'GET'\n    actions: [{ type: deny }]",
    ngrok=2200,
)
EMPTY_EXPRESSIONS = declare(
    "P0389",
    "empty-expressions",
    "`expressions` is there but empty, so the rule always applies",
    explanation="A rule without expressions applies to everything. If that is meant, leave the key out.",
    wrong="on_http_request:\n  - expressions:\n    actions: [{ type: deny }]",
    right="on_http_request:\n  - actions: [{ type: deny }]",
    severity="warning",
)
LEGACY_PHASE = declare(
    "P0390",
    "both-spellings",
    "a phase is given under its old and its new name",
    explanation="`inbound` is the old name of `on_http_request` (of `on_tcp_connect` for tcp and tls "
    "endpoints), `outbound` of "
    "`on_http_response`. Where both names stand in a document, its order of rules is unclear.",
    wrong="inbound: []\non_http_request: []",
    right="on_http_request: []",
    severity="warning",
)
NAME_NO_TEXT = declare(
    "P0391",
    "text-expected",
    "a text belongs here",
    explanation="A number or `true` is taken as its text, with a warning: quotes say that it is meant. "
    "Nothing at all, a list or a mapping "
    "is an error.",
    wrong="on_http_request:\n  - name: 5\n    actions: [{ type: deny }]",
    right='on_http_request:\n  - name: "5"\n    actions: [{ type: deny }]',
    ngrok=2228,
)

_RULE_KEYS = ("name", "expressions", "actions")
_ACTION_KEYS = ("type", "config")
_RULE_HINTS = {
    "type": "an action stands in the list `actions`: begin it with `- type: …` one level deeper",
    "config": "`config` belongs to an action: put it beside `type`, inside the list `actions`",
    "if": "write the condition as an item of the list `expressions`",
    "when": "write the condition as an item of the list `expressions`",
    "condition": "write the condition as an item of the list `expressions`",
    "conditions": "the list of conditions is called `expressions`",
    "match": "write the condition as an item of the list `expressions`",
    "enabled": "a rule cannot be switched off: remove it, or turn it into a comment",
    "description": "a rule has `name` for that; longer remarks are comments",
}
_ACTION_HINTS = {
    "name": "`name` belongs to the rule, one level up",
    "expressions": "`expressions` belongs to the rule, one level up",
    "actions": "an action holds no actions: `type` and `config` belong here",
}


class Reader(NamedTuple):
    """What reading a policy needs: where to report, and what stands before every path."""

    report: Report
    prefix: str = ""

    def say(
        self,
        code: Code,
        message: str,
        span: Span,
        path: str | None,
        hint: str | None = None,
        severity: Severity | None = None,
        alias: Span | None = None,
    ) -> None:
        """Report a finding."""
        labels = () if alias is None else (Label(alias, "brought in here"),)
        self.report.add(code, message, span, path=path, hint=hint, severity=severity, labels=labels)

    def shape(self, wanted: str, value: Value, path: str, hint: str | None = None) -> None:
        """Report a value of the wrong shape."""
        self.say(WRONG_SHAPE, f"{wanted} belongs here, not {describe(value)}", value.span, path, hint)

    def text(self, value: Value, path: str) -> Text | None:
        """Return the text of a value; a number or boolean is taken as it is written, with a warning."""
        if isinstance(value, TextValue):
            return value.text
        if isinstance(value, PlainValue) and value.kind != "null":
            message = f"`{value.raw}` is {describe(value)}, taken as a text"
            self.say(NAME_NO_TEXT, message, value.span, path, f'write `"{value.raw}"`', Severity.WARNING)
            return written(value)
        self.say(NAME_NO_TEXT, f"a text belongs here, not {describe(value)}", value.span, path)
        return None

    # --- phases --------------------------------------------------------------------------------------------

    def phase(self, entry: MapEntry) -> Phase:
        """Read one phase."""
        path = self.prefix + entry.key.value
        rules = self.rules(entry.value, path)
        return Phase(entry.key, rules, entry.span)

    def rules(self, value: Value, path: str) -> tuple[Rule, ...]:
        """Read the rules of a phase; nothing at all is no rule."""
        if is_null(value):
            return ()
        if not isinstance(value, ListValue):
            self.shape("a list of rules", value, path, "begin each rule with `- `")
            return ()
        most = self.report.limits.rules_per_phase
        if len(value.items) > most:
            self.say(
                limits.TOO_MANY_RULES,
                f"`{path}` has {len(value.items)} rules, at most {most} are allowed",
                value.items[most].span,
                path,
            )
        found = (self.rule(item, f"{path}[{i}]") for i, item in enumerate(value.items[:most]))
        return tuple(rule for rule in found if rule is not None)

    def rule(self, value: Value, path: str) -> Rule | None:
        """Read one rule."""
        if not isinstance(value, MapValue):
            self.shape("a rule", value, path, "a rule is a mapping with `expressions` and `actions`")
            return None
        keys = first_entries(value)
        self._unknown(value, _RULE_KEYS, "a rule", UNKNOWN_RULE_KEY, _rule_hint(keys), path)
        name = None
        if "name" in keys:
            name = self.text(keys["name"].value, f"{path}.name")
        conditions: tuple[Condition, ...] = ()
        if "expressions" in keys:
            conditions = self._conditions(keys["expressions"], f"{path}.expressions")
        actions: tuple[Action, ...] = ()
        if "actions" not in keys:
            hint = "list what to do under `actions`, each item `- type: …`"
            self.say(RULE_WITHOUT_ACTIONS, "the rule has no `actions`", head(value), path, hint)
        else:
            actions = self._actions(keys["actions"], f"{path}.actions")
        rule = Rule(name, conditions, actions, value.span, path)
        check_counts(rule, self.report)
        return rule

    def _unknown(
        self,
        value: MapValue,
        known: Sequence[str],
        what: str,
        code: Code,
        hint: Callable[[str], str | None],
        path: str,
    ) -> None:
        for entry in value.entries:
            key = entry.key.value
            if key not in known:
                self.say(
                    code,
                    f"{what} has no key `{short(key)}`",
                    entry.key.span,
                    path,
                    hint(key),
                    alias=entry.key.alias,
                )

    def _conditions(self, entry: MapEntry, path: str) -> tuple[Condition, ...]:
        value = entry.value
        if is_null(value):
            self.say(
                EMPTY_EXPRESSIONS, "`expressions` is empty, so the rule always applies", entry.span, path
            )
            return ()
        if isinstance(value, ListValue):
            items = value.items[: self.report.limits.expressions_per_rule + 1]
            return tuple(self._condition(item, f"{path}[{i}]") for i, item in enumerate(items))
        if isinstance(value, TextValue | PlainValue):
            self.say(
                EXPRESSION_SHAPE,
                "`expressions` is a list",
                value.span,
                path,
                "begin the expression with `- `",
            )
            return (self._condition(value, path),)
        self.say(
            EXPRESSION_SHAPE, f"a list of expressions belongs here, not {describe(value)}", value.span, path
        )
        return ()

    def _condition(self, value: Value, path: str) -> Condition:
        if isinstance(value, TextValue):
            return Condition(parse_expression(value.text, self.report, path), value.span, path)
        if isinstance(value, PlainValue) and value.kind != "null":
            # `- true` is the expression `true` (policy-language.md §1.3), however YAML reads it.
            return Condition(parse_expression(written(value), self.report, path), value.span, path)
        hint = "remove the item" if is_null(value) else "put quotes around the whole expression"
        self.say(EXPRESSION_SHAPE, f"an expression is a text, not {describe(value)}", value.span, path, hint)
        return Condition(None, value.span, path)

    # --- actions -------------------------------------------------------------------------------------------

    def _actions(self, entry: MapEntry, path: str) -> tuple[Action, ...]:
        value = entry.value
        if is_null(value) or (isinstance(value, ListValue) and not value.items):
            self.say(RULE_WITHOUT_ACTIONS, "a rule needs at least one action", entry.span, path)
            return ()
        if not isinstance(value, ListValue):
            self.shape("a list of actions", value, path, "begin each action with `- type: …`")
            return ()
        items = value.items[: self.report.limits.actions_per_rule + 1]
        found = (self._action(item, f"{path}[{i}]") for i, item in enumerate(items))
        return tuple(action for action in found if action is not None)

    def _action(self, value: Value, path: str) -> Action | None:
        if not isinstance(value, MapValue):
            hint = "an action is a mapping with `type` and `config`"
            if isinstance(value, TextValue):
                hint = f"write `- type: {short(value.text.value)}`"
            self.shape("an action", value, path, hint)
            return None
        keys = first_entries(value)
        self._unknown(value, _ACTION_KEYS, "an action", UNKNOWN_ACTION_KEY, _action_hint(keys), path)
        config = keys["config"].value if "config" in keys else None
        if config is not None and is_null(config):
            config = None
        if "type" not in keys:
            hint = "name the action: `type: …`"
            self.say(ACTION_WITHOUT_TYPE, "the action has no `type`", head(value), path, hint)
            return None
        type_ = self.text(keys["type"].value, f"{path}.type")
        if type_ is None:
            return None
        return Action(type_, None, config, value.span, path)


def _rule_hint(keys: Mapping[str, MapEntry]) -> Callable[[str], str | None]:
    def hint(key: str) -> str | None:
        if key in _RULE_HINTS:
            return _RULE_HINTS[key]
        near = nearest(key, [k for k in _RULE_KEYS if k not in keys])
        return f"did you mean `{near}`?" if near else "a rule has `name`, `expressions` and `actions`"

    return hint


def _action_hint(keys: Mapping[str, MapEntry]) -> Callable[[str], str | None]:
    def hint(key: str) -> str | None:
        if key in _ACTION_HINTS:
            return _ACTION_HINTS[key]
        near = nearest(key, [k for k in _ACTION_KEYS if k not in keys])
        return f"did you mean `{near}`?" if near else "the fields of an action stand below `config`"

    return hint


# --- values ------------------------------------------------------------------------------------------------


def is_null(value: Value) -> bool:
    """Whether a value is null (or nothing was written)."""
    return isinstance(value, PlainValue) and value.kind == "null"


def written(value: PlainValue) -> Text:
    """Return a scalar that is no string as the text that was written."""
    return Text(value.raw, value.span, value.span.start)


def first_entries(value: MapValue) -> dict[str, MapEntry]:
    """Return the entries by key; of a key that stands twice the first (it has been reported)."""
    found: dict[str, MapEntry] = {}
    for entry in value.entries:
        found.setdefault(entry.key.value, entry)
    return found


def head(value: MapValue) -> Span:
    """Return a short place for what is wrong with a whole mapping: its first key."""
    return value.entries[0].key.span if value.entries else value.span


def describe(value: Value) -> str:
    """Return what a value is, in the author's words."""
    if isinstance(value, TextValue):
        return "a text"
    if isinstance(value, ListValue):
        return "a list"
    if isinstance(value, MapValue):
        return "a mapping"
    if isinstance(value, PlainValue):
        return {"null": "nothing", "bool": "a boolean"}.get(value.kind, "a number")
    return "an expression"


def short(text: str) -> str:
    """Return a text short enough for a message."""
    return text if len(text) <= 60 else text[:59] + "…"
