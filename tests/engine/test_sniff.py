"""Media types of bodies."""

from __future__ import annotations

import pytest

from policyc.engine.sniff import HTML, JSON, TEXT, media_type


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("{}", JSON),
        ("\n[1]", JSON),
        ("{]", TEXT),
        ("[" * 100_000, TEXT),
        ("1", TEXT),
        ("<!doctype HTML>", HTML),
        ("  <HTML>", HTML),
        ("<p>", TEXT),
        ("", TEXT),
    ],
)
def test_media_types(body: str, expected: str) -> None:
    assert media_type(body) == expected
