"""The table of reasons is the whole of them: what the code names stands in it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from policyc.runtime.errors import REASONS as BY_CODE
from policyc.runtime.protocol import refusal
from policyc.runtime.reasons import QUIET_LIMITS, REASONS
from policyc.runtime.settings import SETTINGS

ROOT = Path(__file__).parents[2]
# Functions whose first argument is a reason.
NAMING = frozenset(
    ["Close", "Refused", "_refuse", "refuse", "client_lost", "cut", "finish", "closed", "refused", "_over"]
)


def named_in(path: Path) -> Iterator[str]:
    """Yield every reason that a file names: `reason="…"`, and what is handed to the functions above."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        given = [each.value for each in node.keywords if each.arg == "reason"]
        if name in NAMING:
            given += node.args[:1]
        for value in given:
            options = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
            for option in options:
                if isinstance(option, ast.Constant) and isinstance(option.value, str):
                    yield option.value


def test_every_reason_that_the_code_names_is_in_the_table() -> None:
    folders = (ROOT / "engine/policyc/engine/actions", ROOT / "runtime/policyc/runtime")
    files = [path for folder in folders for path in folder.rglob("*.py")]
    named = {(reason, path.name) for path in files for reason in named_in(path)}
    assert len(named) > 30
    assert [pair for pair in named if pair[0] not in REASONS and pair[0]] == []


def test_failures_by_code_are_in_the_table() -> None:
    assert set(BY_CODE.values()) <= set(REASONS)


def test_what_the_readers_refuse_is_taken_over() -> None:
    assert set(refusal.REASONS) <= set(REASONS)
    assert REASONS["bad_host"].by == "message"
    assert REASONS["head_too_long"].setting == "head_limit_bytes"
    assert REASONS["bad_status_line"].by == "upstream"


def test_limits_name_settings_that_exist() -> None:
    known = {setting.name for setting in SETTINGS}
    for each in REASONS.values():
        assert (each.by == "limit") == bool(each.setting), each
        assert not each.setting or each.setting in known, each
    assert set(QUIET_LIMITS) <= known
