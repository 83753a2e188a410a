from __future__ import annotations

import marshal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from policyc.runtime.parcel import Parcel


def packed(*argv: str | Path, prelude: str = "", **more: Any) -> tuple[Any, str]:
    code = f"import sys; {prelude}from policyc.runtime.cli.packing import main; main(sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", code, "run", *map(str, argv)], capture_output=True, timeout=30, **more
    )
    return marshal.loads(done.stdout), done.stderr.decode()


def test_answer_is_the_parcel_and_the_files(tmp_path: Path) -> None:
    path = tmp_path / "a.policy"
    path.write_text("on_http_request { deny }")
    (kind, value, seen), err = packed(path, "--upstream", "http://127.0.0.1:9")
    assert (kind, err, list(seen)) == ("built", "", [str(path)])
    assert Parcel(*value).load().policy is not None


def test_applications_are_known_and_not_loaded(tmp_path: Path) -> None:
    path = tmp_path / "a.policy"
    path.write_text('endpoint "http://a.com" { on_http_request { forward-internal "http://b.internal" } }')
    (kind, _, _), err = packed(path, "--app", "http://b.internal=no_such_module:app")
    assert (kind, err) == ("built", "")


def test_without_files_the_program_is_empty() -> None:
    (kind, value, seen), _ = packed("--upstream", "http://127.0.0.1:9")
    assert (kind, seen, Parcel(*value).load().endpoints) == ("built", {}, ())


@pytest.mark.parametrize(
    ("text", "kind"),
    [("on_http_request { dney }", "refused"), (None, "failed"), ("on_http_request", "refused")],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str | None, kind: str) -> None:
    path = tmp_path / "a.policy"
    if text is not None:
        path.write_text(text)
    (got, value, _), err = packed(path, "--upstream", "http://127.0.0.1:9")
    assert got == kind
    assert ("error[" in err) is (kind == "refused")
    assert value == (() if kind == "refused" else (f"cannot read {path}: no such file or directory",))


def test_a_bug_is_a_line_and_no_traceback(tmp_path: Path) -> None:
    prelude = "import policyc.runtime.cli.programs as p; p.ProgramLoader.pack = lambda self: 1 / 0; "
    (kind, value, _), err = packed("--upstream", "http://127.0.0.1:9", prelude=prelude)
    assert (kind, err) == ("failed", "")
    assert "ZeroDivisionError" in value[0]


def test_nothing_is_imported_that_only_a_gateway_needs(tmp_path: Path) -> None:
    path = tmp_path / "a.policy"
    path.write_text("on_http_request { deny }")
    code = (
        "import sys; from policyc.runtime.cli.packing import main; main(sys.argv[1:]); "
        "print([m for m in ('asyncio', 'ssl', 'uvloop') if m in sys.modules], file=sys.stderr)"
    )
    argv = ["run", str(path), "--upstream", "http://127.0.0.1:9"]
    done = subprocess.run([sys.executable, "-c", code, *argv], capture_output=True, timeout=30)
    assert done.stderr == b"[]\n"
