from __future__ import annotations

import pytest

from policyc.engine.outcome import Close, Fail, Forward, Respond


def test_outcomes_are_equal_if_what_they_hold_is() -> None:
    assert Respond(403, final=True) == Respond(403, [], b"", True)
    assert Respond(403) != Respond(404)
    assert Close("deny") != Close("deny", 3200)
    assert Forward("https://a.internal") == Forward("https://a.internal")
    assert Fail(2254, "m") != Close("m", 2254)


def test_headers_of_two_answers_are_not_the_same_list() -> None:
    Respond(200).headers.append(("a", "b"))
    assert Respond(200).headers == []


def test_an_outcome_shows_what_it_holds() -> None:
    assert repr(Close("deny")) == "Close(reason='deny', code=None)"
    assert repr(Fail(2254, "m")) == "Fail(code=2254, message='m', status=500, detail='', reason='')"


def test_an_outcome_is_no_key_for_it_may_change() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(Respond(200))
