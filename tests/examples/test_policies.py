"""The example policies are good ones: what `check` says of each is known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from policyc.runtime.cli import main

EXAMPLES = Path(__file__).parents[2] / "examples"
POLICIES = sorted(
    path.name for path in EXAMPLES.iterdir() if path.suffix in (".policy", ".yaml", ".yml", ".json")
)

# What `check` warns of, by file; the others have nothing to report. An application that is given with --app
# is an endpoint that no file declares.
WARNINGS: dict[str, Sequence[str]] = {
    "shop.policy": ("secret-in-clear", "undeclared-target", "undeclared-target"),
    "front.policy": ("undeclared-target",),
}


@pytest.mark.parametrize("name", POLICIES)
def test_policy_has_only_the_warnings_that_are_known(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["check", "--format", "json", str(EXAMPLES / name)])
    found = json.loads(capsys.readouterr().out)
    assert status == 0
    assert sorted(each["name"] for each in found) == sorted(WARNINGS.get(name, ()))


def test_there_are_examples_in_every_language() -> None:
    assert {Path(name).suffix for name in POLICIES} == {".policy", ".yaml", ".json"}
