from __future__ import annotations

import re
from collections import Counter

import pytest

from policyc.grammar.codes import Code
from policyc.runtime.cli.catalog import every_code, find_codes

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
