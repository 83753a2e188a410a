from __future__ import annotations

import random
from time import perf_counter

import pytest

from policyc.engine.cel.pattern_price import BUILD, WALK, price_of
from policyc.engine.cel.regex import compile_pattern, problem


@pytest.mark.parametrize("pattern", ["^/api/", "(?i)curl|bot", "[.](png|jpg)$", "^GET$"])
def test_texts_cost_less_than_re2(pattern: str) -> None:
    assert price_of(pattern).call < price_of("[0-9]+").call


@pytest.mark.parametrize(
    "pattern",
    [
        "[0-9]+", "[0-9]{13,16}", "^[a-z0-9-]{1,255}$", "(?i)^[a-z]{1,64}$", r"\w+@\w{1,64}", "a{30}x+",
        "aa{30}c*",
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", r"\pL{40}", "[[:alpha:]]{30}",
        "[]a]{20}",
        r"^\d{1,3}(\.\d{1,3}){3}$", "[a-z]+[0-9]{20}", "^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", "x+|.{20}",
        "(x+|.{20})", "(?i)[a-z]{20}", "-(?:[a-z]{20})", r"\{.\}", "(?P<n>[a-z]{20})", r"a\{30}b+",
    ],
)  # fmt: skip
def test_few_states_are_walked(pattern: str) -> None:
    assert problem(pattern) is None
    assert price_of(pattern).character == WALK


@pytest.mark.parametrize(
    ("pattern", "counters"),
    [
        ("(a|b)*a(a|b){30}c", 30),
        ("^(a|b)*a(a|b){900}c$", 900),
        ("(select|union).{0,50}(from|where)", 50),
        ("union.{1,100}select", 20),
        ("aaa.{30}b", 30),
        ("x.{40,}y", 40),
        ("[a-z0-9][a-z0-9-]{1,61}x", 61),
        ("x(a|.{20})", 20),
        ("x((a|b)|c.{20})", 20),
        ("x(?:.{20})", 20),
        (r"\w(?i:[a-z]{20})", 20),
    ],
)
def test_many_states_are_built(pattern: str, counters: int) -> None:
    assert problem(pattern) is None
    assert price_of(pattern).character == BUILD + counters


@pytest.mark.parametrize(
    "pattern", ["(", "[", "a{", "a{2", "\\", "[^", "(?", "x{99999}", "[[:", "|", "x.{20}|", r"\p{", "()|{20}"]
)
def test_whatever_is_written_has_a_price(pattern: str) -> None:
    assert price_of(pattern).call > 0


@pytest.mark.parametrize("pattern", ["(a|b)*a(a|b){30}c", "(a|b)*a(a|b){200}c", "[0-9]{13,16}x", "(a|b)+c"])
def test_the_price_is_that_of_texts_that_re2_has_never_seen(pattern: str) -> None:
    """Within a factor of ten: the machine may be busy."""
    test, picks = compile_pattern(pattern), random.Random(7)
    times = []
    for _ in range(5):
        text = "".join(
            picks.choice("ab1") if "0" in pattern[:3] else picks.choice("ab") for _ in range(16_384)
        )
        begin = perf_counter()
        test(text)
        times.append(perf_counter() - begin)
    units = price_of(pattern).call + price_of(pattern).character * 16_384
    assert min(times) * 1e8 < 10 * units
