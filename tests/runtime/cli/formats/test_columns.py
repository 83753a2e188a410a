from __future__ import annotations

import pytest

from policyc.runtime.cli.formats.columns import shown


@pytest.mark.parametrize(
    ("line", "start", "end", "printed", "under"),
    [
        ("deny 401", 5, 8, "deny 401", "     ^^^"),
        ("\tdeny", 1, 5, "    deny", "    ^^^^"),
        ("ab\tdeny", 3, 7, "ab  deny", "    ^^^^"),
        ("日本 x", 3, 4, "日本 x", "     ^"),
        ("e\u0301x", 2, 3, "e\u0301x", " ^"),
        ("a\x1b[31m", 1, 6, "a\ufffd[31m", " ^^^^^"),
        ("abc", 3, 3, "abc", "   ^"),
        ("abc", 3, 4, "abc", "   ^"),
        ("", 0, 0, "", "^"),
    ],
)
def test_underline_stands_below_its_characters(
    line: str, start: int, end: int, printed: str, under: str
) -> None:
    assert shown(line, start, end, "^") == (printed, under)


def test_long_line_is_cut_around_the_mark() -> None:
    line = "x" * 5000 + "deny" + "y" * 5000
    printed, under = shown(line, 5000, 5004, "^")
    assert len(printed) < 130
    assert printed.startswith("…")
    assert printed.endswith("…")
    assert printed[under.index("^") :].startswith("deny")
    assert under.count("^") == 4


def test_mark_that_leaves_a_long_line_goes_to_its_edge() -> None:
    printed, under = shown("x" * 5000, 10, 4000, "^")
    assert len(under) <= len(printed)
    assert under.startswith(" " * 10 + "^")


def test_end_of_a_long_line_is_shown() -> None:
    printed, under = shown("x" * 4999 + "}", 4999, 5000, "^")
    assert printed.endswith("}")
    assert under.endswith("^")
    assert len(printed) == len(under)
