from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest

from policyc.runtime.cli.arguments import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Callable

    Command = Callable[..., tuple[int, str, str]]


def test_version_is_that_of_the_package(policyc: Command) -> None:
    assert policyc("--version") == (0, f"policyc {version('policyc')}\n", "")


def test_help_names_every_command(policyc: Command) -> None:
    status, out, _ = policyc("--help")
    assert status == 0
    for name, summary in COMMANDS.items():
        assert name in out
        assert summary.split(",")[0] in " ".join(out.split())


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_a_help_of_its_own(policyc: Command, name: str) -> None:
    status, out, err = policyc(name, "--help")
    assert (status, err) == (0, "")
    assert out.startswith(f"usage: policyc {name}")


@pytest.mark.parametrize("argv", [(), ("chek", "a.policy"), ("--chek",), ("check", "--form", "json", "a")])
def test_wrong_usage_is_status_2_and_one_line(policyc: Command, argv: tuple[str, ...]) -> None:
    status, out, err = policyc(*argv)
    assert (status, out) == (2, "")
    assert err.startswith("policyc: ")
    assert err.endswith(" --help` shows the usage)\n")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("run", "--htp", ":80"), "there is no flag `--htp`: did you mean `--http`?"),
        (("check", "--formt=json", "a"), "there is no flag `--formt`: did you mean `--format`?"),
        (("explain", "P0301", "deny"), "`deny` is one too many"),
    ],
)
def test_flag_that_is_mistyped_is_told_which_is_near(
    policyc: Command, argv: tuple[str, ...], said: str
) -> None:
    assert policyc(*argv) == (2, "", f"policyc: {said} (`policyc {argv[0]} --help` shows the usage)\n")
