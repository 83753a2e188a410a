import pytest

from policyc.grammar.literals import decode_quoted, duration_nanoseconds, integer, size_octets


def test_escapes_keep_their_place() -> None:
    found = decode_quoted(r'"a\n\u00e9b"')
    assert found.value == "a\néb"
    assert found.origins == (1, 2, 4, 10, 11)
    assert decode_quoted("r'a\\n'").value == "a\\n"
    assert decode_quoted("r'a\\n'").first == 2


@pytest.mark.parametrize(
    ("literal", "start", "end"),
    [
        (r'"\d"', 1, 3),
        (r'"a\xg0"', 2, 4),
        (r'"\u12"', 1, 3),
        (r'"\ud800"', 1, 7),
        (r'"\U00110000"', 1, 11),
        (r'"\400"', 1, 5),
        (r'"\07"', 1, 3),
        (r"b'\u0041'", 2, 8),
    ],
)
def test_an_escape_that_means_nothing_is_located(literal: str, start: int, end: int) -> None:
    [bad] = decode_quoted(literal).bad
    assert (bad.start, bad.end) == (start, end)


@pytest.mark.parametrize(
    ("literal", "seconds"),
    [("60s", 60), ("1m30s", 90), ("250ms", 0.25), ("1.5h", 5400), ("1us", 1e-6), ("0s", 0)],
)
def test_durations_are_nanoseconds(literal: str, seconds: float) -> None:
    assert duration_nanoseconds(literal) == round(seconds * 1e9)


@pytest.mark.parametrize(
    ("literal", "octets"),
    [("64KB", 64_000), ("10MiB", 10 * 2**20), ("1.5kB", 1500), ("7B", 7), ("1GiB", 2**30)],
)
def test_sizes_are_octets(literal: str, octets: int) -> None:
    assert size_octets(literal) == octets


def test_numbers_of_any_length_are_read() -> None:
    assert integer("0x1Fu") == 31
    assert integer("9" * 10_000) > 2**64
    assert duration_nanoseconds("9" * 10_000 + "s") > 2**63
    assert size_octets("9" * 10_000 + "KB") > 2**63
