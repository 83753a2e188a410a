"""Every code as its reader sees it: per code a file with a policy, a rule of dashes, and the report.

A new code's file is made from its `wrong` example by `pytest --update-golden`; who wants another case adds a
file with a policy and the dashes, and does the same. A first line `# options: …` sets options.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conftest import Golden
from tests.engine.policies import found

from policyc.engine.options import Options
from policyc.grammar.codes import Code
from policyc.grammar.diagnostic import Severity
from policyc.grammar.files import sniff
from policyc.grammar.frozen import replace
from policyc.runtime.cli.catalog import every_code
from policyc.runtime.cli.formats import Occasion
from policyc.runtime.cli.formats.human import render

FOLDER = Path(__file__).parent / "diagnostics"
DASHES = "-" * 80
# Codes whose wrong example describes what is too large or too strange to show; the readers' tests hold them.
DESCRIBED = {
    "binary-file",
    "wrong-encoding",
    "control-character",
    "document-too-large",
    "expression-too-long",
    "too-many-rules",
    "too-many-items-in-rule",
    "too-many-nodes",
    "too-many-errors",
    "policy-beside-endpoints",
    "several-policies",
    "too-many-rules-used",
    "import-cycle",
    "import-of-other-kind",
}
CODES = [code for code in every_code().values() if code.wrong and code.name not in DESCRIBED]
# Cases in a file whose name says another language than its text.
NAMES = {"other-format": "case.policy", "key-is-no-text": "case.yaml"}
# What a code needs besides its example.
NEEDS = {
    "port-not-at-ngrok": "target=ngrok",
    "host-not-at-ngrok": "target=ngrok",
    "protocols-differ-at-ngrok": "target=ngrok",
}


def options_of(text: str) -> Options:
    """Return the options that the first line of a case asks for."""
    first = text.partition("\n")[0]
    options = Options()
    if first.startswith("# options:"):
        for word in first.removeprefix("# options:").split():
            name, _, value = word.partition("=")
            options = replace(options, **{name: value or True})
    return options


def name_of(case: str, text: str) -> str:
    """Return a file name that says in which language a case is written."""
    return NAMES.get(case) or f"case.{sniff(text)}"


def example(code: Code, text: str) -> str:
    """Return an example with the options that it needs in front."""
    return f"# options: {NEEDS[code.name]}\n{text}" if code.name in NEEDS else text


def cases() -> list[str]:
    """Return the names of the cases: those that have a file, and those of the codes."""
    return sorted({path.stem for path in FOLDER.glob("*.txt")} | {code.name for code in CODES})


@pytest.mark.parametrize("case", cases())
def test_report_is_what_its_reader_should_see(case: str, golden: Golden) -> None:
    path = FOLDER / f"{case}.txt"
    if path.exists():
        text = path.read_bytes().decode().partition(f"\n{DASHES}\n")[0]
    else:
        code = next(code for code in CODES if code.name == case)
        text = example(code, code.wrong)
    report = render(found(text, options_of(text), name=name_of(case, text)), Occasion((name_of(case, text),)))
    golden(f"diagnostics/{case}.txt", f"{text}\n{DASHES}\n{report}")


@pytest.mark.parametrize("code", CODES, ids=lambda code: code.name)
def test_wrong_example_shows_its_code(code: Code) -> None:
    text = example(code, code.wrong)
    assert code.name in [
        each.code.name for each in found(text, options_of(text), name=name_of(code.name, text))
    ]


@pytest.mark.parametrize("code", [code for code in CODES if code.right], ids=lambda code: code.name)
def test_right_example_has_no_error_and_not_this_code(code: Code) -> None:
    text = example(code, code.right)
    diagnostics = found(text, options_of(text), name=name_of("", text))
    wrong = [each for each in diagnostics if each.severity is Severity.ERROR or each.code == code]
    assert [(each.code.name, each.message) for each in wrong] == []
