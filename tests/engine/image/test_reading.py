from __future__ import annotations

import marshal
import os
import pickle
from typing import Any

import pytest

from policyc.engine.image.reading import Unreadable, load
from policyc.engine.image.writing import dump
from policyc.engine.types import STRING, list_of
from policyc.grammar.source import Source

SOURCES = [Source("a", "1"), Source("b", "2")]


def test_sources_are_those_that_the_caller_has() -> None:
    image = dump([SOURCES[1].span(0, 1), SOURCES[0].span(0, 0)], SOURCES)
    later = [Source("a", "1"), Source("b", "2")]
    first, second = load(image, later)
    assert first.source is later[1]
    assert second.source is later[0]


@pytest.mark.parametrize(
    "octets",
    [b"", b"\0", b"x" * 100, marshal.dumps(1), marshal.dumps((1, 2)), marshal.dumps(([], b""))],
)
def test_other_octets_are_unreadable(octets: bytes) -> None:
    with pytest.raises(Unreadable):
        load(octets, SOURCES)


def test_an_image_that_was_cut_short_is_unreadable() -> None:
    image = dump([list_of(STRING)] * 3, SOURCES)
    for length in range(len(image)):
        with pytest.raises(Unreadable):
            load(image[:length], SOURCES)


class Harmful:
    def __init__(self, function: Any, *args: Any) -> None:
        self.made = (function, args)

    def __reduce__(self) -> Any:
        return self.made


@pytest.mark.parametrize("value", [Harmful(os.mkdir, "harm"), Harmful(getattr, "", "x"), Harmful(eval, "1")])
def test_what_is_not_of_policyc_is_neither_found_nor_called(
    value: Harmful, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    body = pickle.dumps(value)
    for image in (body, marshal.dumps(([], body))):
        with pytest.raises(Unreadable):
            load(image, SOURCES)
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_gone_makes_an_image_unreadable() -> None:
    image = dump([STRING], SOURCES)
    assert load(image, SOURCES) == [STRING]
    with pytest.raises(Unreadable):
        load(image.replace(b"STRING", b"GSTRIN"), SOURCES)
    with pytest.raises(Unreadable):
        load(image.replace(b"policyc.engine.types", b"policyc_engine.types"), SOURCES)
