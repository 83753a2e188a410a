from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest
from tests.runtime.cli.conftest import Command

from policyc.grammar.limits import DEFAULTS, LIMITS
from policyc.runtime.cli.limit_flags import add_limit_flags, exceeded, limit_flag_of, limits_from
from policyc.runtime.cli.programs import ProgramLoader

RULE = 'when req.method == "A" { deny } '
LOGS = " ".join(["log { metadata: { a: 1 } }"] * 3)
YAML = "on_http_request: [{expressions: [%s], actions: [{type: deny}]}]"
VARS = ", ".join(f"{{ v{number}: 1 }}" for number in range(3))
# A policy that goes beyond each limit when that is set to 2, and the code that says so.
BEYOND = {
    "document_bytes": ("p.policy", "on_http_request { deny }", "P0801"),
    "rules_per_phase": ("p.policy", f"on_http_request {{ {RULE * 3} }}", "P0804"),
    "expressions_per_rule": ("p.yaml", YAML % "'1 == 1', '1 == 1', '1 == 1'", "P0805"),
    "actions_per_rule": ("p.policy", f'on_http_request {{ rule "r" {{ {LOGS} }} }}', "P0805"),
    "expression_characters": ("p.policy", "let a = 1 + 2\non_http_request { deny }", "P0802"),
    "nested_brackets": ("p.yaml", YAML % "'(((1 == 1)))'", "P0803"),
    "value_depth": ("p.policy", "on_http_request { set-vars { vars: [{ a: [[1]] }] } }", "P0346"),
    "variables_per_action": ("p.policy", f"on_http_request {{ set-vars {{ vars: [{VARS}] }} }}", "P0327"),
}


def parse(*argv: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_limit_flags(parser)
    return parser.parse_args(argv)


def test_defaults_are_those_of_the_grammar() -> None:
    assert limits_from(parse()) == DEFAULTS


def test_every_limit_has_a_flag_and_a_policy_that_exceeds_it() -> None:
    assert set(BEYOND) == {limit.name for limit in LIMITS}
    given = [f"{limit_flag_of(limit)}={number + 1}" for number, limit in enumerate(LIMITS)]
    assert tuple(limits_from(parse(*given))) == tuple(range(1, len(LIMITS) + 1))


@pytest.mark.parametrize("name", BEYOND)
def test_check_keeps_the_limit_that_it_is_given(name: str, policyc: Command, tmp_path: Path) -> None:
    file, text, code = BEYOND[name]
    (tmp_path / file).write_text(text)
    flag = "--" + name.replace("_", "-")
    said = policyc("check", tmp_path / file, flag, "2")
    assert (said.status, re.findall(r"error\[(\w+)\]", said.out)[:1]) == (1, [code])
    assert code not in policyc("check", tmp_path / file).out


@pytest.mark.parametrize("name", BEYOND)
def test_run_keeps_it_too_and_knows_which_one_it_was(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, text, _ = BEYOND[name]
    (tmp_path / file).write_text(text)
    loader = ProgramLoader(
        [str(tmp_path / file)], account="default", lenient=False, registered=(), has_upstream=True,
        limits=DEFAULTS._replace(**{name: 2}),
    )  # fmt: skip
    assert loader.load() is None
    assert loader.exceeded == (name,)
    assert "error[" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["0", "-1", "many", "1e3", "²", "10001", "1,0"])
def test_no_other_number_is_taken(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(f"--actions-per-rule={text}")
    assert f"`{text}` is no number from 1 to 10,000" in capsys.readouterr().err


def test_numbers_may_be_grouped() -> None:
    assert parse("--rules-per-phase", "10,000").rules_per_phase == 10_000
    assert parse("--rules-per-phase", "10_000").rules_per_phase == 10_000


def test_nothing_is_exceeded_where_nothing_was_found() -> None:
    assert exceeded([]) == ()
