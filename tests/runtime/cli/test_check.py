from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Command = Callable[..., tuple[int, str, str]]

GOOD = "on_http_request { deny 401 }\n"
WRONG = "on_http_request { dney 401 }\n"
WARNED = 'on_http_request { when "a" == "a" { log { metadata: { a: "1" } } } }\n'


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str | bytes], Path]:
    """Return a function that writes a file and gives its path."""

    def write(text: str | bytes, name: str = "a.policy") -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


def found_in(text: str) -> list[tuple[str, int]]:
    return [(each["severity"], each["line"]) for each in json.loads(text)]


def test_clean_policy_is_status_0(policyc: Command, file: Callable[..., Path]) -> None:
    path = file(GOOD)
    assert policyc("check", path) == (0, f"{path}: nothing to report\n", "")


def test_error_is_status_1_with_place_and_hint(policyc: Command, file: Callable[..., Path]) -> None:
    path = file(WRONG)
    status, out, err = policyc("check", path)
    assert (status, err) == (1, "")
    assert f"--> {path}:1:19" in out
    assert "did you mean `deny`?" in out
    assert out.endswith("tells more)\n")


def test_warning_is_status_0_and_with_strict_1(policyc: Command, file: Callable[..., Path]) -> None:
    path = file(WARNED)
    status, out, _ = policyc("check", path)
    assert "warning[" in out
    assert status == 0
    assert policyc("check", "--strict", path)[0] == 1


def test_plan_is_shown_behind_the_findings(policyc: Command, file: Callable[..., Path]) -> None:
    path = file("on_http_request { rule 'r' when req.method in ['GET', 'PUT'] { deny } }\n".replace("'", '"'))
    status, out, err = policyc("check", "--explain-plan", path)
    assert (status, err) == (0, "")
    assert out.startswith(f"{path}: nothing to report\non_http_request of {path}: 1 rule\n")
    assert "req.method in {'GET', 'PUT'}" in out


def test_plan_does_not_go_with_formats_for_programs(policyc: Command, file: Callable[..., Path]) -> None:
    status, out, err = policyc("check", "--explain-plan", "--format", "json", file(GOOD))
    assert (status, out) == (2, "")
    assert "--explain-plan is for people" in err


def test_no_plan_is_shown_of_a_policy_with_errors(policyc: Command, file: Callable[..., Path]) -> None:
    status, out, _ = policyc("check", "--explain-plan", file(WRONG))
    assert status == 1
    assert "on_http_request of" not in out


def test_every_fault_of_every_file_is_reported(policyc: Command, file: Callable[..., Path]) -> None:
    one = file(WRONG + WRONG.replace("request", "response").replace("401", ""), "one.policy")
    two = file("on_http_request:\n  - actions:\n      - type: dney\n", "two.yaml")
    status, out, _ = policyc("check", "--format", "json", one, two)
    assert status == 1
    places = {(each["file"], each["line"]) for each in json.loads(out)}
    assert places == {(str(one), 1), (str(one), 2), (str(two), 3)}


def test_path_of_a_document_is_told_in_its_own_terms(policyc: Command, file: Callable[..., Path]) -> None:
    text = (
        "on_http_request:\n  - actions:\n      - type: log\n      - type: redirect\n"
        "        config:\n          to: 5\n          frm: a\n"
    )
    _, out, _ = policyc("check", "--format", "json", file(text, "a.yaml"))
    assert "on_http_request[0].actions[1].config.frm" in [each["path"] for each in json.loads(out)]


def test_endpoint_of_another_file_is_a_known_target(policyc: Command, file: Callable[..., Path]) -> None:
    front = file(
        'endpoint "https://a.example.com" { on_http_request { forward-internal "https://b.internal" } }',
        "a.policy",
    )
    back = file('endpoint "https://b.internal" -> "http://127.0.0.1:9"', "b.policy")
    assert policyc("check", front, back)[1] == "2 files: nothing to report\n"
    assert "no endpoint `https://b.internal`" in policyc("check", front)[1]


def test_file_given_twice_is_checked_once(policyc: Command, file: Callable[..., Path]) -> None:
    path = file('endpoint "https://b.internal" -> "http://127.0.0.1:9"')
    assert policyc("check", path, path)[:2] == (0, f"{path}: nothing to report\n")


def test_import_is_read_beside_its_importer(policyc: Command, file: Callable[..., Path]) -> None:
    file('let office = ["10.0.0.0/8"]\n', "common.policy")
    path = file(
        'import "common.policy"\non_http_request { when inCidrRanges(conn.client_ip, office) { deny } }\n'
    )
    assert policyc("check", path)[0] == 0
    path.write_text('import "no-such.policy"\n')
    assert policyc("check", path)[0] == 1


def test_endpoint_flag_decides_what_its_kind_decides(policyc: Command, file: Callable[..., Path]) -> None:
    path = file("on_tcp_connect { deny }\n")
    assert policyc("check", path)[0] == 0
    status, out, _ = policyc("check", "--endpoint", "https://a.internal", path)
    assert (status, "ERR_NGROK_2262" in out) == (1, True)
    assert policyc("check", "--endpoint", "https://a.internal", "--lenient", path)[0] == 0
    assert policyc("check", "--endpoint", "https://a.example.com", path)[0] == 0


def test_cloud_endpoint_must_end_its_traffic(policyc: Command, file: Callable[..., Path]) -> None:
    path = file('on_http_request { when req.method == "GET" { deny } }\n')
    flags = ("--endpoint", "https://a.example.com", "--type")
    assert policyc("check", *flags, "agent", path)[0] == 0
    status, out, _ = policyc("check", *flags, "cloud", path)
    assert (status, "ERR_NGROK_2235" in out) == (1, True)


def test_empty_list_is_printed_where_nothing_was_found(policyc: Command, file: Callable[..., Path]) -> None:
    status, out, _ = policyc("check", "--format", "json", file(GOOD))
    assert (status, json.loads(out)) == (0, [])


@pytest.mark.parametrize("name", ["a.policy", "a.yaml", "a.json", "noname"])
@pytest.mark.parametrize("text", [b"", b"\n\n  \n", b"\xef\xbb\xbf", b"# nothing\n"])
def test_empty_document_is_a_warning(
    policyc: Command, file: Callable[..., Path], name: str, text: bytes
) -> None:
    if name.endswith("json") and text.startswith(b"#"):
        pytest.skip("JSON has no comments")
    status, out, _ = policyc("check", "--format", "json", file(text, name))
    assert status == 0
    assert [severity for severity, _ in found_in(out)] == ["warning"]


BINARY = bytes(range(256)) * 8
BAD = {
    "binary": BINARY,
    "an image": b"\x89PNG\r\n\x1a\n" + BINARY,
    "utf-16": GOOD.encode("utf-16"),
    "utf-32": GOOD.encode("utf-32"),
    "latin-1": b"on_http_request { deny } # caf\xe9\n",
    "nul": b"on_http_request {\0 deny }\n",
    "too large": b"# " + b"x" * (1024 * 1024),
    "deep": b"let a = " + b"(" * 5000 + b"1" + b")" * 5000 + b"\n",
    "deep lists": b"let a = " + b"[" * 5000 + b"\n",
    "half": b"on_http_request { when req.",
    "a quote that never ends": b'on_http_request { deny { x: "',
}


@pytest.mark.parametrize("name", ["a.policy", "a.yaml", "a.json"])
@pytest.mark.parametrize("kind", list(BAD))
def test_file_that_is_no_policy_is_an_error_in_it(
    policyc: Command, file: Callable[..., Path], name: str, kind: str
) -> None:
    status, out, err = policyc("check", "--format", "json", file(BAD[kind], name))
    assert (status, err) == (1, "")
    assert "error" in [severity for severity, _ in found_in(out)]


def test_mark_line_ends_and_tabs_are_no_faults(policyc: Command, file: Callable[..., Path]) -> None:
    text = b"\xef\xbb\xbfon_http_request {\r\n\tdeny 401\r\n}\r\n"
    assert policyc("check", file(text))[0] == 0
    assert policyc("check", file(b"\xef\xbb\xbfon_http_request: []\r\n", "b.yaml"))[0] == 0


def test_column_of_a_fault_counts_neither_mark_nor_carriage_returns(
    policyc: Command, file: Callable[..., Path]
) -> None:
    path = file(b"\xef\xbb\xbf\r\non_http_request { dney }\r\n")
    (found,) = json.loads(policyc("check", "--format", "json", path)[1])
    assert (found["line"], found["column"], found["end_column"]) == (2, 19, 23)


def test_tab_in_yaml_and_duplicate_keys_are_errors_at_their_place(
    policyc: Command, file: Callable[..., Path]
) -> None:
    tab = file("on_http_request:\n\t- actions: []\n", "a.yaml")
    assert ("error", 2) in found_in(policyc("check", "--format", "json", tab)[1])
    twice = file("on_http_request: []\non_http_request: []\n", "b.yaml")
    assert ("error", 2) in found_in(policyc("check", "--format", "json", twice)[1])
    again = file('{"on_http_request": [],\n "on_http_request": []}', "c.json")
    assert ("error", 2) in found_in(policyc("check", "--format", "json", again)[1])


def test_names_that_cannot_be_opened_are_status_2(policyc: Command, tmp_path: Path) -> None:
    assert policyc("check", tmp_path / "none.policy") == (
        2,
        "",
        f"policyc: cannot read {tmp_path}/none.policy: no such file or directory\n",
    )
    assert policyc("check", tmp_path)[::2] == (2, f"policyc: cannot read {tmp_path}: is a directory\n")
    assert policyc("check", tmp_path / "a" / "b")[0] == 2
    assert policyc("check", "x" * 5000)[0] == 2
    assert policyc("check", "a\0b")[0] == 2


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read every file")
def test_file_without_permission_is_status_2(policyc: Command, file: Callable[..., Path]) -> None:
    path = file(GOOD)
    path.chmod(0)
    assert policyc("check", path)[::2] == (2, f"policyc: cannot read {path}: permission denied\n")


def test_one_file_that_cannot_be_opened_leaves_all_unjudged(
    policyc: Command, file: Callable[..., Path], tmp_path: Path
) -> None:
    status, out, err = policyc("check", file(WRONG), tmp_path / "none", tmp_path)
    assert (status, out) == (2, "")
    assert len(err.splitlines()) == 2


@pytest.mark.parametrize(
    "argv",
    [
        ("check",),
        ("check", "--no-such-flag", "a.policy"),
        ("check", "--format", "xml", "a.policy"),
        ("check", "--type", "edge", "a.policy"),
        ("check", "--endpoint", "ftp://x", "a.policy"),
        ("check", "--endpoint", "https://a.example.com/path", "a.policy"),
        ("check", "--target", "other", "a.policy"),
    ],
)
def test_wrong_usage_is_status_2(policyc: Command, argv: tuple[str, ...]) -> None:
    status, out, err = policyc(*argv)
    assert (status, out) == (2, "")
    assert err


def test_standard_input_is_a_file(policyc_process: Command) -> None:
    status, out, _ = policyc_process("check", "-", input=WRONG.encode())
    assert status == 1
    assert "--> <stdin>:1:19" in out


def test_timings_name_the_stages_on_standard_error(policyc: Command, file: Callable[..., Path]) -> None:
    status, out, err = policyc("check", "--timings", file(GOOD))
    assert status == 0
    assert "ms" not in out
    assert [line.split()[-1] for line in err.splitlines()][:2] == ["read", "imports"]


def test_color_is_for_terminals_unless_told_otherwise(
    policyc: Command, file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = file(WRONG)
    assert "\x1b[" not in policyc("check", path)[1]
    assert "\x1b[" in policyc("check", "--color", "always", path)[1]
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[" in policyc("check", path)[1]
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in policyc("check", path)[1]


def test_reader_that_goes_away_is_no_fault(file: Callable[..., Path]) -> None:
    path = file(WRONG * 40)
    command = [sys.executable, "-m", "policyc", "check", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(20) == 1


def test_output_that_cannot_be_written_is_status_2(file: Callable[..., Path]) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full on this system")
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "policyc", "check", str(file(GOOD))]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, timeout=20)
    assert done.returncode == 2
    assert done.stderr == b"policyc: cannot write the output: no space left on device\n"


def test_encoding_that_lacks_a_character_gets_its_escape(
    policyc_process: Command, file: Callable[..., Path]
) -> None:
    path = file('on_http_request { when "日本" == dney { deny } }\n')
    status, out, _ = policyc_process("check", path, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert status == 1
    assert "\\u65e5" in out


# What takes long to import and has no part in checking a page.
HEAVY = (
    *("asyncio", "celpy", "concurrent.futures", "dataclasses", "hashlib", "httptools", "importlib.metadata"),
    *(
        "importlib.resources",
        "inspect",
        "interegular",
        "json",
        "lark",
        "logging",
        "pickle",
        "pkgutil",
        "shutil",
    ),
    *("socket", "ssl", "subprocess", "tempfile", "traceback", "unittest", "urllib.parse", "uvloop"),
    *("policyc.engine.assemble", "policyc.engine.generate.module", "policyc.grammar.mistakes"),
    *("policyc.grammar.tables", "policyc.runtime.gateway"),
)
MODULES = {
    "page.policy": (GOOD, (*HEAVY, "yaml", "re2")),
    "page.yaml": (
        "on_http_request:\n  - actions: [{type: deny}]\n",
        (*HEAVY, "re2", "policyc.grammar.machine"),
    ),
    "pattern.policy": (
        "on_http_request { when req.url.path.matches('^/a+$') { deny } }\n",
        (*HEAVY, "yaml"),
    ),
}


@pytest.mark.parametrize("name", MODULES)
def test_check_imports_nothing_that_it_does_not_need(
    name: str, policyc: Command, file: Callable[..., Path]
) -> None:
    text, heavy = MODULES[name]
    path = file(text, name)
    policyc("check", path)  # what it keeps for later starts is there now
    code = (
        f"import sys, policyc.runtime.cli as c; c.main(['check', {str(path)!r}])\n"
        f"print([m for m in {heavy!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=20, text=True)
    assert done.stdout.splitlines()[-1] == "[]"
