"""Whether something may have to be resumed behind a rule's steps."""

from __future__ import annotations

import pytest

from policyc.engine.generate.rule import RuleCode


@pytest.mark.parametrize(
    ("resumes", "ends", "needs"),
    [
        ((), False, False),
        ((False, False), False, False),
        ((True, False), False, True),
        ((False, True), False, True),
        ((False, True), True, False),
        ((True, False), True, True),
    ],
)
def test_a_tail_is_needed_behind_a_step_that_resumes_unless_it_ends_the_phase(
    resumes: tuple[bool, ...], ends: bool, needs: bool
) -> None:
    steps = tuple(lambda x: None for _ in resumes)
    assert RuleCode(None, steps, resumes, ends=ends).needs_tail is needs
