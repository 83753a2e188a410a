"""What the find-replace actions share."""

from __future__ import annotations

from policyc.engine.find_replace import FROM, TO, replacements, result


def test_the_fields_are_required_or_have_a_default() -> None:
    assert FROM.required
    assert TO.default == ""
    assert replacements(FROM, TO).kind.limits() == "at least 1 entry"


def test_the_result_is_a_list_of_what_matched() -> None:
    assert str(result("x").fields["replacements"].type) == "list(x.replacement)"
