from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policyc.engine.actions import actions
from policyc.runtime.cli.catalog import every_code

if TYPE_CHECKING:
    from collections.abc import Callable

    Command = Callable[..., tuple[int, str, str]]


def test_code_is_explained_by_id_in_any_case_and_by_name(policyc: Command) -> None:
    code = next(iter(every_code().values()))
    by_id = policyc("explain", code.id)
    assert by_id[0] == 0
    assert by_id[1].startswith(f"{code.id} {code.name} (")
    assert policyc("explain", code.id.lower()) == by_id
    assert policyc("explain", code.name) == by_id


def test_number_of_ngrok_explains_every_code_that_has_it(policyc: Command) -> None:
    wanted = [code.id for code in every_code().values() if code.ngrok == 2203]
    assert len(wanted) > 1
    for word in ("2203", "ERR_NGROK_2203", "err_ngrok_2203"):
        status, out, _ = policyc("explain", word)
        assert status == 0
        assert [code for code in wanted if f"{code} " not in out] == []


def test_code_is_shown_with_a_wrong_and_a_right_example(policyc: Command) -> None:
    code = next(code for code in every_code().values() if code.wrong and code.right)
    _, out, _ = policyc("explain", code.id)
    assert f"Wrong:\n\n    {code.wrong.strip().splitlines()[0]}" in out
    assert f"Right:\n\n    {code.right.strip().splitlines()[0]}" in out


def test_action_is_explained(policyc: Command, golden: Callable[[str, str], None]) -> None:
    status, out, _ = policyc("explain", "rate-limit")
    assert status == 0
    golden("cli/explain-rate-limit.txt", out)


def test_list_names_all_codes_and_actions(policyc: Command) -> None:
    status, out, _ = policyc("explain", "list")
    assert status == 0
    lines = [line.split()[0].rstrip(":") for line in out.splitlines() if line.startswith("  ")]
    assert lines == [*every_code(), *actions()]


@pytest.mark.parametrize(("word", "near"), [("dney", "`deny`"), ("forward_internal", "`forward-internal`")])
def test_unknown_word_is_status_2_with_the_nearest(policyc: Command, word: str, near: str) -> None:
    status, out, err = policyc("explain", word)
    assert (status, out) == (2, "")
    assert f"did you mean {near}?" in err


def test_word_that_is_near_nothing_points_to_the_list(policyc: Command) -> None:
    assert "`policyc explain list` names all" in policyc("explain", "qqqqqqqqqq")[2]
