import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import lark
import pytest

from policyc.grammar import saved_parser
from policyc.grammar.build import Builder
from policyc.grammar.diagnostic import Report
from policyc.grammar.saved_parser import cache_path, load_parser
from policyc.grammar.source import Source, Text


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "policyc"


def works(parser: lark.Lark, builder: Builder) -> bool:
    builder.begin(Text("a + 1", Source("x", "a + 1").whole(), 0), Report(), None)
    return bool(parser.parse("a + 1", start="expression"))


def is_whole(saved: Path) -> bool:
    checksum, _, body = saved.read_text().partition("\n")
    return len(checksum) == 8 and set(json.loads(body)) == {"data", "memo"}


def load() -> bool:
    builder = Builder()
    return works(load_parser(builder), builder)


def test_the_parser_is_saved_and_loaded_again(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load()
    [saved] = cache.iterdir()
    assert is_whole(saved)
    monkeypatch.setattr(saved_parser, "_serialise", lambda _: pytest.fail("it was built again"))
    assert load()


@pytest.mark.parametrize("damage", ["", "{", "[]", "{}", '{"data": {}, "memo": {}}', '{"data": 1}', "\0\xff"])
def test_a_damaged_file_is_replaced(cache: Path, damage: str) -> None:
    assert load()
    [saved] = cache.iterdir()
    saved.write_text(damage, encoding="latin-1")
    assert load()
    assert is_whole(saved)


def test_a_file_that_was_cut_short_or_changed_is_replaced(cache: Path) -> None:
    assert load()
    [saved] = cache.iterdir()
    good = saved.read_text()
    saved.write_text(good[: len(good) // 2])
    assert load()
    assert is_whole(saved)
    saved.write_text(good.replace('"NAME"', '"MANE"', 1))
    assert load()
    assert '"MANE"' not in saved.read_text()


def test_an_unusable_directory_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocker))
    assert load()


def test_the_name_tells_grammars_and_versions_apart() -> None:
    paths = {cache_path("a", "1"), cache_path("b", "1"), cache_path("a", "2")}
    assert len(paths) == 3


def test_nobody_else_may_write_the_saved_parser(cache: Path) -> None:
    assert load()
    [saved] = cache.iterdir()
    assert not saved.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def test_importing_the_parser_loads_neither_lark_nor_yaml() -> None:
    code = (
        "import sys;"
        "from policyc.grammar import parser, files, documents, printer;"
        "print([m for m in ('lark', 'yaml', 'json', 'logging') if m in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=True
    )
    assert run.stdout.strip() == "[]"
