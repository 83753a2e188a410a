from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from policyc.runtime.cli import watching
from policyc.runtime.cli.watching import Watcher
from policyc.runtime.stamp import Seen, stamp

Look = Callable[[], None]


def watch(monkeypatch: pytest.MonkeyPatch, seen: Seen, looks: list[Seen]) -> int:
    """Return after how many looks a watcher says that something has changed; a look past the last fails."""
    left = list(looks)
    monkeypatch.setattr(watching, "_look", lambda names: left.pop(0))
    watcher = Watcher(0)
    watcher.note(seen)
    asyncio.run(watcher.changed())
    return len(looks) - len(left)


ONE, TWO, THREE = (1, 1, 1, 1), (1, 1, 2, 2), (1, 1, 3, 3)


@pytest.mark.parametrize(
    ("looks", "after"),
    [
        ([{"a": TWO}, {"a": TWO}], 2),
        ([{"a": ONE}, {"a": TWO}, {"a": TWO}], 3),
        ([{"a": TWO}, {"a": THREE}, {"a": THREE}], 3),
        ([{"a": None}, {"a": TWO}, {"a": TWO}], 3),
        ([{"a": TWO}, {"a": ONE}, {"a": TWO}, {"a": TWO}], 4),
        ([{"a": None}, {"a": None}], 2),
    ],
)
def test_a_change_counts_when_it_rests(
    monkeypatch: pytest.MonkeyPatch, looks: list[Seen], after: int
) -> None:
    assert watch(monkeypatch, {"a": ONE}, looks) == after


def test_a_file_that_was_missing_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert watch(monkeypatch, {"a": None}, [{"a": None}, {"a": ONE}, {"a": ONE}]) == 3


def test_what_was_told_once_is_not_told_again_until_it_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[Seen] = [{"a": TWO}, {"a": TWO}, {"a": TWO}, {"a": TWO}, {"a": THREE}, {"a": THREE}]
    monkeypatch.setattr(watching, "_look", lambda names: looks.pop(0))
    watcher = Watcher(0)
    watcher.note({"a": ONE})

    async def twice() -> None:
        await watcher.changed()
        assert len(looks) == 4
        await watcher.changed()
        assert looks == []

    asyncio.run(twice())


def test_files_are_known_as_they_were_read_not_as_they_are_when_noted(tmp_path: Path) -> None:
    file = tmp_path / "a.policy"
    file.write_text("1")
    read = stamp(str(file))
    os.utime(file, (1, 1))  # changed after it was read, before it was noted
    watcher = Watcher(0)
    watcher.note({str(file): read})
    asyncio.run(asyncio.wait_for(watcher.changed(), 10))
