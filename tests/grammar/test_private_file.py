import os
import stat
from pathlib import Path

import pytest

from policyc.grammar import private_file


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "policyc"


def test_what_was_written_is_read(cache: Path) -> None:
    assert private_file.read("a") is None
    assert private_file.write("a", b"one\ntwo\0")
    assert private_file.read("a") == b"one\ntwo\0"
    assert private_file.write("a", b"")
    assert private_file.read("a") == b""


def test_only_the_owner_may_read_and_write(cache: Path) -> None:
    private_file.write("a", b"x")
    assert stat.S_IMODE((cache / "a").stat().st_mode) == 0o600
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700


def test_nothing_but_the_file_is_left_behind(cache: Path) -> None:
    private_file.write("a", b"x")
    private_file.write("a", b"y")
    assert [each.name for each in cache.iterdir()] == ["a"]


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_not_read(cache: Path, mode: int) -> None:
    private_file.write("a", b"x")
    (cache / "a").chmod(mode)
    assert private_file.read("a") is None


def test_a_file_of_another_user_is_not_read(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private_file.write("a", b"x")
    owner = (cache / "a").stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    assert private_file.read("a") is None


@pytest.mark.parametrize("damage", [b"", b"\n", b"00000000\nx", b"x"])
def test_a_damaged_file_is_not_read(cache: Path, damage: bytes) -> None:
    private_file.write("a", b"x")
    (cache / "a").write_bytes(damage)
    assert private_file.read("a") is None


def test_a_directory_in_the_way_is_no_fault(cache: Path) -> None:
    (cache / "a").mkdir(parents=True)
    assert private_file.read("a") is None
    assert not private_file.write("a", b"x")
    assert [each.name for each in cache.iterdir()] == ["a"]


def test_an_unusable_cache_directory_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocker))
    assert not private_file.write("a", b"x")
    assert private_file.read("a") is None


def test_the_newest_files_are_kept(cache: Path) -> None:
    for at, name in enumerate(["b-1", "a-1", "a-2", "a-3"]):
        private_file.write(name, b"x")
        os.utime(cache / name, (at, at))
    private_file.trim("a-", 2)
    assert sorted(each.name for each in cache.iterdir()) == ["a-2", "a-3", "b-1"]
    private_file.trim("a-", 0)
    assert [each.name for each in cache.iterdir()] == ["b-1"]


def test_trimming_nothing_is_no_fault(cache: Path) -> None:
    private_file.trim("a-", 2)


def test_without_a_home_there_is_no_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    assert private_file.directory() is None
    assert private_file.read("a") is None
    assert not private_file.write("a", b"x")
    private_file.trim("a", 0)


def test_a_relative_cache_home_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert private_file.directory() == "/home/somebody/.cache/policyc"
