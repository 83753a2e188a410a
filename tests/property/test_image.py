"""Random policies: what comes from an image answers as what it was made of does.

The steps of these rules stand in a module of tests; for this test it counts as one of policyc.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.property.test_rules_optimised import EXAMPLES, Rule, code_of, rules, seen, traffic

from policyc.engine.generate import index
from policyc.engine.generate.phase import compile_phase
from policyc.engine.image import places
from policyc.engine.image.reading import load
from policyc.engine.image.writing import dump
from policyc.engine.optimise import runs
from policyc.engine.traffic import Exchange
from policyc.grammar.source import Source

SOURCES = [Source("expression", "")]


@settings(
    max_examples=EXAMPLES // 2,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(drawn=rules(), makes=st.lists(traffic(), min_size=1, max_size=3), is_optimised=st.booleans())
def test_rules_from_an_image_do_what_the_rules_did(
    drawn: list[Rule], makes: list[Callable[[], Exchange]], is_optimised: bool
) -> None:
    codes = [code_of(rule, number) for number, rule in enumerate(drawn)]
    with pytest.MonkeyPatch.context() as patch:
        ours = (*places.PACKAGES, "tests.property.")
        patch.setattr(places, "PACKAGES", ours)
        patch.setattr(index, "NESTED", 1)
        patch.setattr(index, "is_worth", lambda atoms: True)
        patch.setattr(runs, "is_worth", lambda atoms: True)
        run = compile_phase(codes, optimised=is_optimised)
        twin = load(dump(run, SOURCES), SOURCES)
        for make in makes:
            assert seen(twin, make()) == seen(run, make())
