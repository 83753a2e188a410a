from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from tests.engine.exchanges import exchange

from policyc.engine.compiler import compile as compile_documents
from policyc.engine.endpoint_url import EndpointUrl, parse_endpoint_url
from policyc.engine.errors import PolicycError
from policyc.engine.model import Program
from policyc.engine.options import Loader, Options
from policyc.engine.phases import Phase
from policyc.grammar.diagnostic import Report
from policyc.grammar.files import read_document
from policyc.grammar.source import Source
from policyc.runtime import program, program_cache
from policyc.runtime.parcel import pack
from policyc.runtime.program import build, load_program
from policyc.runtime.program_cache import Recorder, engine_stamp, find, keep

TEXT = 'on_http_request { when req.url.path == "/a" { deny 404 } }\n'
OPTIONS = Options(for_run=True)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "policyc"


def images(cache: Path) -> list[Path]:
    return sorted(cache.glob("program-*"))


def loader_of(files: Mapping[str, str]) -> Loader:
    return lambda path, _: Source(path, files[path]) if path in files else None


def compiled(text: str = TEXT, files: Mapping[str, str] | None = None, options: Options = OPTIONS) -> bool:
    """Compile a text and keep it; return whether it is kept."""
    recorder = Recorder(loader_of(files or {}))
    sources = [Source("a.policy", text)]
    made = compile_documents(
        [read_document(each, Report()) for each in sources], options, loader=recorder, report=Report()
    )
    return keep(pack(made, recorder.every(sources), 0), sources, options, recorder)


def found(
    text: str = TEXT, files: Mapping[str, str] | None = None, options: Options = OPTIONS
) -> Program | None:
    kept = find([Source("a.policy", text)], options, loader_of(files or {}))
    return None if kept is None else kept.load()


def status(made: Program, path: str) -> int | None:
    assert made.policy is not None
    x = exchange(f"https://a.example{path}")
    outcome = made.policy.phases[Phase.HTTP_REQUEST](x)
    return getattr(outcome, "status", None)


def test_what_was_kept_is_found_and_does_the_same(cache: Path) -> None:
    assert found() is None
    assert compiled()
    again = found()
    assert again is not None
    assert (status(again, "/a"), status(again, "/b")) == (404, None)


def test_other_sources_names_and_options_are_other_programs(cache: Path) -> None:
    assert compiled()
    assert found(TEXT + " ") is None
    assert find([Source("b.policy", TEXT)], OPTIONS, loader_of({})) is None
    url = parse_endpoint_url("https://b.internal")
    assert isinstance(url, EndpointUrl)
    for options in (
        Options(for_run=True, account="b"),
        Options(for_run=True, lenient=True),
        Options(for_run=True, registered=(url,)),
        Options(for_run=True, cost_limit=7),
        Options(for_run=True, optimised=False),
    ):
        assert found(options=options) is None
        assert compiled(options=options)
        assert found(options=options) is not None
    assert len(images(cache)) == 6


IMPORTING = 'import "b.policy"\non_http_request { use guards }\n'
IMPORTED = 'rules guards { when req.url.path == "/a" { deny 404 } }\n'


def test_what_is_imported_must_be_the_same_too(cache: Path) -> None:
    assert compiled(IMPORTING, {"b.policy": IMPORTED})
    again = found(IMPORTING, {"b.policy": IMPORTED})
    assert again is not None
    assert status(again, "/a") == 404
    assert found(IMPORTING, {"b.policy": IMPORTED.replace("404", "403")}) is None
    assert found(IMPORTING) is None


def test_another_version_makes_its_own(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert compiled()
    monkeypatch.setattr(program_cache, "engine_stamp", lambda: b"another")
    assert found() is None
    assert compiled()
    assert found() is not None
    monkeypatch.setattr(program_cache, "engine_stamp", lambda: None)
    assert not compiled()
    assert found() is None


def test_an_edited_file_of_the_package_is_another_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import policyc.runtime

    (tmp_path / "inner").mkdir()
    (tmp_path / "__pycache__").mkdir()
    file = tmp_path / "inner" / "a.py"
    file.write_text("1")
    monkeypatch.setattr(policyc.runtime, "__path__", [str(tmp_path)])
    stamps = []
    for change in (
        lambda: None,
        lambda: file.write_text("12"),
        lambda: os.utime(file, (1, 1)),
        lambda: (tmp_path / "b.lark").touch(),
        lambda: (tmp_path / "notes.txt").touch(),
        lambda: (tmp_path / "__pycache__" / "a.py").touch(),
    ):
        change()
        stamps.append(engine_stamp.__wrapped__())
    assert len(set(stamps)) == 4
    assert stamps[3:] == [stamps[3]] * 3


def test_a_package_without_files_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    import policyc.engine
    import policyc.grammar
    import policyc.runtime

    for package in (policyc.engine, policyc.grammar, policyc.runtime):
        monkeypatch.setattr(package, "__path__", ["/no/such/archive.zip/policyc"])
    assert engine_stamp.__wrapped__() is None


Damage = Callable[[bytes], bytes]


@pytest.mark.parametrize(
    "damage",
    [
        lambda octets: b"",
        lambda octets: octets[:20],
        lambda octets: octets[:-1],
        lambda octets: octets[:-1] + bytes([octets[-1] ^ 1]),
        lambda octets: bytes([octets[0] ^ 1]) + octets[1:],
        lambda octets: octets + b"\0",
    ],
)
def test_a_damaged_file_is_ignored_and_replaced(cache: Path, damage: Damage) -> None:
    from policyc.grammar import private_file

    assert compiled()
    [image] = images(cache)
    good = private_file.read(image.name)
    assert good is not None
    assert private_file.write(image.name, damage(good))  # with a right checksum: the signature must tell
    assert found() is None
    assert compiled()
    assert found() is not None


def test_a_file_that_was_signed_with_another_secret_is_ignored(cache: Path) -> None:
    from policyc.grammar import private_file

    assert compiled()
    assert private_file.write("key", b"x" * 32)
    assert found() is None
    (cache / "key").unlink()
    assert found() is None
    assert compiled()
    assert found() is not None


def test_the_image_of_another_program_under_this_name_is_ignored(cache: Path) -> None:
    assert compiled()
    assert compiled(TEXT + " ")
    first, second = images(cache)
    os.replace(first, second)
    assert found() is None
    assert found(TEXT + " ") is None


@pytest.mark.parametrize("name", ["program", "key"])
def test_a_file_that_others_may_write_is_ignored(cache: Path, name: str) -> None:
    assert compiled()
    [file] = [each for each in cache.iterdir() if each.name.startswith(name)]
    file.chmod(0o666)
    assert found() is None


def test_nobody_else_reads_the_secret(cache: Path) -> None:
    assert compiled()
    assert (cache / "key").stat().st_mode & 0o777 == 0o600


def test_old_images_make_room(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program_cache, "KEPT", 2)
    for n in range(4):
        assert compiled(TEXT + "\n" * n)
    assert len(images(cache)) == 2


def test_an_unusable_cache_directory_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocker))
    assert not compiled()
    assert found() is None
    path = tmp_path / "a.policy"
    path.write_text(TEXT)
    assert status(load_program(path), "/a") == 404


# What the callers make of it


def test_files_are_loaded_from_the_cache_the_second_time(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.policy"
    path.write_text(TEXT)
    assert status(load_program(path), "/a") == 404
    monkeypatch.setattr(program, "_compile", lambda *_: pytest.fail("it was compiled again"))
    assert status(load_program(path), "/a") == 404
    path.write_text(TEXT.replace("404", "403"))
    with pytest.raises(pytest.fail.Exception):
        load_program(path)


def test_without_the_cache_nothing_is_read_or_written(cache: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.policy"
    path.write_text(TEXT)
    load_program(path, cached=False)
    assert images(cache) == []
    load_program(path)
    [image] = images(cache)
    image.write_bytes(b"")
    assert status(load_program(path, cached=False), "/a") == 404
    assert image.read_bytes() == b""


def test_the_number_of_warnings_is_kept(cache: Path) -> None:
    text = "on_http_request { when true { deny } }\n"
    first = build([Source("a.policy", text)], OPTIONS, Report(), cached=True)
    second = build([Source("a.policy", text)], OPTIONS, Report(), cached=True)
    assert first.program is not second.program
    assert first.warnings == second.warnings == 1


def test_refused_policies_are_not_kept(cache: Path) -> None:
    with pytest.raises(PolicycError):
        build([Source("a.policy", "on_http_request { dney }")], OPTIONS, Report(), cached=True)
    assert images(cache) == []


def test_a_text_that_could_not_be_read_is_not_made_up_for_by_the_cache(cache: Path) -> None:
    from policyc.grammar.limits import DOCUMENT_TOO_LARGE

    source = Source("a.policy", TEXT)
    build([source], OPTIONS, Report(), cached=True)
    report = Report()
    report.add(DOCUMENT_TOO_LARGE, "another file is too large", source.whole())
    with pytest.raises(PolicycError):
        build([source], OPTIONS, report, cached=True)


def test_the_garbage_collector_is_left_as_it_was(cache: Path) -> None:
    import gc

    assert gc.isenabled()
    build([Source("a.policy", TEXT)], OPTIONS, Report(), cached=True)
    assert gc.isenabled()
    gc.disable()
    try:
        build([Source("a.policy", TEXT)], OPTIONS, Report(), cached=True)
        assert not gc.isenabled()
    finally:
        gc.enable()


LOAD = """
import sys
from policyc.runtime.program import load_program
load_program(sys.argv[1])
print(*sys.modules)
"""


def test_loading_in_a_new_process_needs_nothing_that_generates_code(cache: Path, tmp_path: Path) -> None:
    path = tmp_path / "many.policy"
    rules = "".join(
        f"""
        when req.url.path == "/{at}" && req.headers["x"][0].lowerAscii() == "{at}" {{ deny 404 }}
        when req.url.path == "/old/{at}" {{ redirect {{ from: "/old/(.*)", to: "/$1" }} }}
        when req.url.path.matches("^/a+{at}") && inCidrRange(conn.client_ip, "10.0.{at}.0/24") {{ deny }}
        """
        for at in range(40)
    )
    path.write_text(f"on_http_request {{ {rules} }}")
    load_program(path)
    assert len(images(cache)) == 1
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(path)], capture_output=True, text=True, check=True, timeout=30
    )
    loaded = set(done.stdout.split())
    assert "policyc.engine.generate.dispatch" in loaded
    assert loaded.isdisjoint({"re2", "lark"})
    assert loaded.isdisjoint(f"policyc.engine.generate.{name}" for name in ("expression", "index", "writer"))
    made_of = {name for name in loaded if name.startswith("policyc.engine.optimise.")}
    assert made_of <= {"policyc.engine.optimise.probe"}
