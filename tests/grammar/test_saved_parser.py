import marshal
import os
import subprocess
import sys
from pathlib import Path

import pytest

from policyc.grammar import private_file, saved_parser, tables
from policyc.grammar.build import Builder
from policyc.grammar.diagnostic import Report
from policyc.grammar.machine import Run, Tables
from policyc.grammar.saved_parser import file_name, load_parser
from policyc.grammar.source import Source, Text


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "policyc"


def load() -> bool:
    builder = Builder()
    source = Source("x", "a + 1")
    builder.begin(Text("a + 1", source.whole(), 0), Report(), None)
    return bool(Run(load_parser(), builder, "a + 1", "expression", 100).go())


def is_whole(saved: Path) -> bool:
    octets = private_file.read(saved.name)
    return octets is not None and len(marshal.loads(octets)) == len(Tables._fields)


def test_the_parser_is_saved_and_loaded_again(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load()
    [saved] = cache.iterdir()
    assert is_whole(saved)
    monkeypatch.setattr(tables, "build_tables", lambda _: pytest.fail("they were made again"))
    assert load()


@pytest.mark.parametrize("octets", [b"", b"\0", b"i\1\0\0\0", b"[]", marshal.dumps(([], []))])
def test_a_file_that_holds_something_else_is_replaced(cache: Path, octets: bytes) -> None:
    assert load()
    [saved] = cache.iterdir()
    assert private_file.write(saved.name, octets)
    assert load()
    assert is_whole(saved)


def test_a_file_that_was_cut_short_or_changed_is_replaced(cache: Path) -> None:
    assert load()
    [saved] = cache.iterdir()
    good = saved.read_bytes()
    saved.write_bytes(good[: len(good) // 2])
    assert load()
    assert is_whole(saved)
    saved.write_bytes(good.replace(b"NAME", b"MANE", 1))
    assert load()
    assert b"MANE" not in saved.read_bytes()


def test_an_unusable_directory_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocker))
    assert load()


def test_the_name_tells_grammars_and_versions_apart() -> None:
    assert len({file_name("a", "1"), file_name("b", "1"), file_name("a", "2")}) == 3


def test_another_installed_lark_makes_its_own_tables(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load()
    monkeypatch.setattr(saved_parser, "_lark_stamp", lambda: "another")
    assert load()
    assert len(list(cache.iterdir())) == 2


def test_saved_tables_are_loaded_without_lark(cache: Path) -> None:
    assert load()
    code = (
        "import sys;"
        "from policyc.grammar import parser, source, diagnostic;"
        "text = 'on_http_request { deny }';"
        "assert parser.parse_policy(source.Source('a.policy', text), diagnostic.Report()).items;"
        "print([m for m in ('lark', 'yaml', 'json', 'logging', 'interegular') if m in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=True
    )
    assert run.stdout.strip() == "[]"
