from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from policyc.grammar.codes import Code
from policyc.runtime.cli.catalog import every_code, find_codes

RUNTIME = Path(__file__).parents[3] / "runtime" / "policyc"
CODES = list(every_code().values())


def test_codes_are_in_order_and_of_every_layer() -> None:
    assert [code.id for code in CODES] == sorted(code.id for code in CODES)
    assert {code.id[:3] for code in CODES} >= {"P00", "P01", "P02", "P03", "P04", "P05", "P06", "P07", "P08"}


@pytest.mark.parametrize("code", CODES, ids=[code.id for code in CODES])
def test_code_explains_itself(code: Code) -> None:
    assert re.fullmatch(r"P\d{4}", code.id)
    assert re.fullmatch(r"[a-z][a-z0-9-]+", code.name)
    assert code.title
    assert not code.title.endswith(".")
    assert code.explanation.rstrip().endswith((".", "`", ")"))
    assert code.severity in ("error", "warning", "hint")


def test_names_are_unique() -> None:
    assert [name for name, count in Counter(code.name for code in CODES).items() if count > 1] == []


def test_code_is_found_by_id_name_and_number() -> None:
    code = CODES[0]
    assert find_codes(f"[{code.id}]") == [code]
    assert find_codes(code.name.upper()) == [code]
    assert {found.ngrok for found in find_codes("2203")} == {2203}
    assert find_codes("nothing like it") == []


def test_runtime_declares_no_code_that_would_be_missed() -> None:
    texts = {path.name: path.read_text() for path in RUNTIME.rglob("*.py")}
    assert texts
    assert [name for name, text in texts.items() if re.search(r"codes import .*\bdeclare\b", text)] == []


def test_codes_are_there_without_any_extra() -> None:
    script = (
        "import sys; sys.modules.update(dict.fromkeys(['cryptography', 'h2', 'hpack', 'wsproto']));"
        "from policyc.runtime.cli.catalog import every_code; print(len(every_code()))"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert int(told.stdout) == len(CODES)
