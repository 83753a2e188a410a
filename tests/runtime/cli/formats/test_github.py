from __future__ import annotations

from collections.abc import Callable

from policyc.grammar.diagnostic import Diagnostic
from policyc.runtime.cli.formats import Occasion
from policyc.runtime.cli.formats.github import render

ANY = Occasion(("a.policy",))


def test_commands_look_as_github_reads_them(
    golden: Callable[[str, str], None], findings: list[Diagnostic]
) -> None:
    golden("cli/github.txt", render(findings, ANY))


def test_a_finding_is_one_line_and_starts_a_command(findings: list[Diagnostic]) -> None:
    lines = render(findings, ANY).splitlines()
    assert len(lines) == len(findings)
    assert [line.partition(" ")[0] for line in lines] == ["::error", "::warning", "::notice", "::error"]


def test_separators_in_names_and_percent_signs_in_messages_are_escaped(findings: list[Diagnostic]) -> None:
    line = render(findings[:1], ANY)
    assert "file=a dir/shop%2C one.policy," in line
    assert "100%25 sure%0Ahint: did you mean" in line


def test_columns_are_given_only_within_one_line(findings: list[Diagnostic]) -> None:
    one, several = render(findings[:2], ANY).splitlines()
    assert ",col=19,endColumn=23," in one
    assert "col=" not in several


def test_nothing_found_is_nothing() -> None:
    assert render([], ANY) == ""
