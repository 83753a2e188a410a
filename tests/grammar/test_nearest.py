import pytest

from policyc.grammar.nearest import nearest

ACTIONS = ["add-headers", "remove-headers", "forward-internal", "deny", "rate-limit", "redirect", "log"]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("addHeaders", "add-headers"),
        ("ADD_HEADERS", "add-headers"),
        ("add-header", "add-headers"),
        ("forward-interal", "forward-internal"),
        ("dney", "deny"),
        ("denny", "deny"),
        ("ratelimit", "rate-limit"),
        ("lgo", "log"),
    ],
)
def test_a_slip_finds_the_word_that_was_meant(word: str, meant: str) -> None:
    assert nearest(word, ACTIONS) == meant


@pytest.mark.parametrize("word", ["", "x", "xyz", "compress", "deny", "a" * 1000, "-", "_"])
def test_nothing_is_proposed_for_far_or_equal_words(word: str) -> None:
    assert nearest(word, ACTIONS) is None


def test_the_nearer_of_two_wins_and_ties_go_by_name() -> None:
    assert nearest("colour", ["colours", "color"]) == "color"
    assert nearest("bat", ["cat", "bar", "baz"]) == "bar"


def test_candidates_may_be_any_iterable() -> None:
    assert nearest("naem", iter({"name": 1, "type": 2})) == "name"
