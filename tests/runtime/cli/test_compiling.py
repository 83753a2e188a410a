from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path

import pytest

from policyc.runtime.cli import compiling
from policyc.runtime.cli.arguments import parse
from policyc.runtime.cli.compiling import Compiler, child_command
from policyc.runtime.cli.failure import CommandError
from policyc.runtime.cli.run import loader_of
from policyc.runtime.parcel import Parcel
from policyc.runtime.program import Built

pytestmark = pytest.mark.e2e

GOOD = 'import "b.policy"\nendpoint "http://a.example.com" { on_http_request { use guards  deny 404 } }\n'


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    (tmp_path / "b.policy").write_text('rules guards { when req.url.path == "/a" { deny 403 } }')
    path = tmp_path / "a.policy"
    path.write_text(GOOD)
    return path


def compiler_of(*argv: str | Path) -> Compiler:
    line = ["run", *map(str, argv)]
    return Compiler(loader_of(parse(line)), line)


def compiled(compiler: Compiler) -> Parcel | Built:
    return asyncio.run(asyncio.wait_for(compiler.compile(), 30))


def test_another_process_compiles_and_tells_what_it_read(policy: Path) -> None:
    compiler = compiler_of(policy)
    for _ in range(2):  # the second time from the cache
        parcel = compiled(compiler)
        assert isinstance(parcel, Parcel)
        assert [each.url.host for each in parcel.load().endpoints] == ["a.example.com"]
        assert sorted(compiler.seen or ()) == [str(policy), str(policy.with_name("b.policy"))]


def test_what_was_compiled_before_starts_without_another_process(
    policy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy.write_text(GOOD + "# not compiled before\n")
    compiler = compiler_of(policy)
    assert isinstance(asyncio.run(compiler.first()), Parcel)
    monkeypatch.setattr(compiling, "child_command", lambda *_: pytest.fail("a process was started"))
    again = compiler_of(policy)
    built = asyncio.run(again.first())
    assert isinstance(built, Built)
    assert len(built.program.endpoints) == 1
    assert sorted(again.seen or ()) == [str(policy), str(policy.with_name("b.policy"))]


def test_without_a_cache_it_works_as_well(policy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(policy))  # a file, not a directory
    parcel = compiled(compiler_of(policy))
    assert isinstance(parcel, Parcel)
    assert len(parcel.load().endpoints) == 1


def test_what_is_refused_is_said_and_still_watched(policy: Path, capfd: pytest.CaptureFixture[str]) -> None:
    compiler = compiler_of(policy)
    policy.with_name("b.policy").write_text("rules guards { dney }")
    with pytest.raises(CommandError) as caught:
        compiled(compiler)
    assert (caught.value.lines, caught.value.status) == ((), 1)
    assert "no action `dney`" in capfd.readouterr().err
    assert sorted(compiler.seen or ()) == [str(policy), str(policy.with_name("b.policy"))]
    policy.unlink()
    with pytest.raises(CommandError, match="no such file"):
        compiled(compiler)
    assert compiler.seen == {str(policy): None}


def test_standard_input_is_handed_on(monkeypatch: pytest.MonkeyPatch, policy: Path) -> None:
    compiler = compiler_of("-")
    compiler._loader._standard_input = b'endpoint "http://a.example.com" { on_http_request { deny } }'
    parcel = compiled(compiler)
    assert isinstance(parcel, Parcel)
    assert len(parcel.load().endpoints) == 1


def test_a_child_that_dies_is_one_line(policy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dies = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    monkeypatch.setattr(compiling, "child_command", lambda *_: [sys.executable, "-c", dies])
    compiler = compiler_of(policy)
    with pytest.raises(CommandError, match="the process that compiles was ended by signal 9"):
        compiled(compiler)
    assert compiler.seen is None  # whoever watches files goes on with those that are known
    monkeypatch.setattr(compiling, "child_command", lambda *_: [sys.executable, "-c", "print(1)"])
    with pytest.raises(CommandError, match="ended without an answer, status 0"):
        compiled(compiler_of(policy))


def test_where_no_child_starts_a_thread_compiles(
    policy: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(compiling, "child_command", lambda *_: ["/no/such/python"])
    compiler = compiler_of(policy)
    with caplog.at_level(logging.WARNING):
        built = compiled(compiler)
    assert isinstance(built, Built)
    assert len(built.program.endpoints) == 1
    assert "compiled in the gateway's own process" in caplog.text
    assert len(compiler.seen or ()) == 2


def test_what_cannot_be_handed_on_is_compiled_here(
    policy: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    code = "import marshal, sys; sys.stdout.buffer.write(marshal.dumps(('unsaved', 'why', {})))"
    monkeypatch.setattr(compiling, "child_command", lambda *_: [sys.executable, "-c", code])
    assert isinstance(compiled(compiler_of(policy)), Built)
    assert "own process: why" in caplog.text


def test_who_stops_waiting_ends_the_child(
    policy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "pid"
    code = f"import os, time; open({str(told)!r}, 'w').write(f'{{os.getpid()}} '); time.sleep(60)"
    monkeypatch.setattr(compiling, "child_command", lambda *_: [sys.executable, "-c", code])

    async def give_up() -> int:
        task = asyncio.ensure_future(compiler_of(policy).compile())
        while not (told.exists() and told.read_text().endswith(" ")):
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return int(told.read_text())

    pid = asyncio.run(asyncio.wait_for(give_up(), 20))
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_no_file_of_the_working_directory_comes_before_the_library() -> None:
    assert child_command("m", "run")[1:] == ["-P", "-m", "m", "run"]
