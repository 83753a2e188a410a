"""Secrets written out in a policy: fields that hold one by their name, and texts that look like one anywhere.

A warning (design/architecture.md §6). What an action says about its own fields is not said twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from policyc.engine.draft import DraftAction, DraftPolicy, report_on
from policyc.engine.schema.reading import Constant, Entries, Items, Reading
from policyc.grammar.codes import declare
from policyc.grammar.diagnostic import Report

LITERAL_SECRET = declare(
    "P0750",
    "literal-secret",
    "a text in a policy looks like a secret",
    explanation="A key, token or password that stands in a file is known to everybody who can read the "
    "file, its backups and its history. `secrets.get(vault, name)` takes it from a store when it is needed.",
    wrong='on_http_request { add-headers { headers: { "authorization": "Bearer 5f2b1c" } } }',
    right='on_http_request { add-headers { headers: { "authorization": "Bearer ${secrets.get(\'api\', '
    "'key')}\" } } }",
    severity="warning",
)

_SECRET_FIELDS = frozenset({
    "secret", "client_secret", "password", "api_key", "api_keys", "apikey", "access_token", "private_key",
    "server_private_key", "token",
})  # fmt: skip
_SECRET_HEADERS = frozenset({
    "authorization", "proxy-authorization", "x-api-key", "api-key", "x-auth-token",
    "x-access-token", "cookie",
})  # fmt: skip
_SHAPES = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|\b(?:sk-[A-Za-z0-9_-]{20,}|gh[pousr]_[A-Za-z0-9]{30,}|AKIA[0-9A-Z]{16}|xox[abprs]-[A-Za-z0-9-]{10,}"
    r"|glpat-[A-Za-z0-9_-]{20}|AIza[0-9A-Za-z_-]{35}|whsec_[A-Za-z0-9+/=]{16,})"
)
_PLACEHOLDER = re.compile(r"(?i)<.*>|your|example|change|placeholder|xxx|\.\.\.|…|\$\{|\{\{")
_OTHERS = frozenset({"P0700"})  # an action's own finding of the same kind


def check_hazards(policies: list[DraftPolicy], report: Report) -> None:
    """Warn of secrets in the configs of all actions."""
    known = {(found.span.start, found.span.end) for found in report if found.code.id in _OTHERS}
    for policy in policies:
        for phase in policy.in_order():
            for rule in phase.rules:
                for action in rule.actions:
                    for reading in _secrets(action):
                        if any(start < reading.span.end and reading.span.start < end for start, end in known):
                            continue
                        report_on(
                            rule, report, LITERAL_SECRET, "this looks like a secret", reading.span,
                            hint='take it from a store: `secrets.get("vault", "name")`', path=reading.path,
                        )  # fmt: skip


def _secrets(action: DraftAction) -> Iterator[Reading]:
    if action.config is None:
        return
    for name, reading in _constants(action.config, ""):
        value = reading.value
        if not isinstance(value, str) or not value or _PLACEHOLDER.search(value):
            continue
        if _SHAPES.search(value) or name in _SECRET_FIELDS or (name in _SECRET_HEADERS and len(value) > 3):
            yield reading


def _constants(reading: Reading, name: str) -> Iterator[tuple[str, Reading]]:
    """Give every constant that the author wrote, under the name of the field or entry that it stands in."""
    if isinstance(reading, Entries):
        for key, inner in reading.entries.items():
            if key in reading.spans:
                yield from _constants(inner, key.lower())
    elif isinstance(reading, Items):
        for item in reading.items:
            yield from _constants(item, name)
    elif isinstance(reading, Constant):
        yield name, reading
