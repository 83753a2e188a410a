from __future__ import annotations

import pytest

from policyc.engine.action import Action
from policyc.engine.actions import actions
from policyc.runtime.cli.action_page import action_page, ends_text


@pytest.mark.parametrize("action", list(actions().values()), ids=list(actions()))
def test_page_names_every_field_phase_and_result(action: Action) -> None:
    page = action_page(action)
    assert page.startswith(f"{action.name}\n")
    for row in action.schema.rows():
        assert f"  {row.field} (" in page
    for phase in action.phases:
        assert phase in page
    if action.result is not None:
        assert f"actions.ngrok.{action.result_name}" in page
    assert action.example.strip().splitlines()[0].strip() in page


def test_action_that_cannot_be_run_says_so() -> None:
    for action in actions().values():
        assert ("cannot be run by this version" in action_page(action)) is (action.compile is None)


def test_end_of_phase_in_words() -> None:
    assert ends_text(actions()["deny"]) == "always ends its phase"
    assert ends_text(actions()["log"]) == "never ends its phase"
    assert ends_text(actions()["forward-internal"]) == "ends its phase, or not, as its config says"
