"""`policyc check` against the specification: the cases of check/, and what cannot be written there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.spec.check_cases import Case, Judged, disagreements, judge, read_cases, run_check, write

CASES = read_cases()
# Every so many cases one goes through the real command in a process of its own.
SAMPLE = CASES[7 :: len(CASES) // 12]
FIELDS = {
    "code",
    "severity",
    "message",
    "file",
    "line",
    "column",
    "end_line",
    "end_column",
    "hint",
    "ngrok",
    "path",
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_check_says_what_the_specification_says(case: Case, tmp_path: Path) -> None:
    judged = judge(case, tmp_path)
    wrong = disagreements(case, judged)
    assert not wrong, f"{case.ref}: {case.holds}\n{case.text}\n{wrong}\n{judged}"
    assert "internal error" not in judged.complaint
    for found in judged.found:
        holds_shape(found)


def holds_shape(found: dict[str, Any]) -> None:
    """Check the fields that issue and tools rely on."""
    assert set(found) >= FIELDS
    assert found["severity"] in ("error", "warning", "hint")
    assert found["message"]
    assert "\n" not in found["message"]
    assert found["ngrok"] is None or isinstance(found["ngrok"], int)
    assert found["path"] is None or isinstance(found["path"], str)
    assert found["hint"] is None or isinstance(found["hint"], str)
    begin = (found["line"], found["column"])
    assert begin >= (1, 1)
    assert begin <= (found["end_line"], found["end_column"])


@pytest.mark.parametrize("case", SAMPLE, ids=lambda case: case.id)
def test_the_command_in_a_process_of_its_own_says_the_same(case: Case, tmp_path: Path) -> None:
    file = write(case, tmp_path)
    command = [sys.executable, "-m", "policyc", "check", "--format", "json", *case.flags, str(file)]
    done = subprocess.run(command, capture_output=True, timeout=30)
    here = run_check([*case.flags, str(file)])
    assert b"Traceback" not in done.stderr
    assert Judged(done.returncode, json.loads(done.stdout or "[]"), "") == here._replace(complaint="")


# --- files that are no text, or none at all (issue 2: "Bad input") ------------------------------------------


@pytest.mark.parametrize("name", ["a.policy", "a.yaml", "a.yml", "a.json", "a.txt", "a"])
@pytest.mark.parametrize(
    ("octets", "status", "severity"),
    [
        pytest.param(b"", 0, "warning", id="empty"),
        pytest.param(b"\n \n", 0, "warning", id="blank"),
        pytest.param(b"\xef\xbb\xbf", 0, "warning", id="only a BOM"),
        pytest.param(bytes(range(256)) * 4, 1, "error", id="binary"),
        pytest.param(b"\x7fELF\x02\x01\x01\0\0\0\0\0", 1, "error", id="a program"),
        pytest.param(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 1, "error", id="a picture"),
        pytest.param("on_http_request: []".encode("utf-16"), 1, "error", id="UTF-16"),
        pytest.param("on_http_request: []".encode("utf-16-be"), 1, "error", id="UTF-16 without BOM"),
        pytest.param("on_http_request: []".encode("utf-32"), 1, "error", id="UTF-32"),
        pytest.param("on_http_request: [] # höhle".encode("latin-1"), 1, "error", id="Latin-1"),
        pytest.param(b"on_http_request: []\0", 1, "error", id="NUL"),
        pytest.param(b"\xed\xa0\x80", 1, "error", id="a lone surrogate"),
        pytest.param(b"a" * 1_100_000, 1, "error", id="too large"),
        pytest.param(b"# " + b"a" * 1_100_000, 1, "error", id="a large comment"),
    ],
)
def test_a_file_that_is_no_policy_is_a_finding(
    name: str, octets: bytes, status: int, severity: str, tmp_path: Path
) -> None:
    file = tmp_path / name
    file.write_bytes(octets)
    judged = run_check([str(file)])
    assert judged.status == status, judged
    assert judged.complaint == ""
    assert severity in {found["severity"] for found in judged.found}
    for found in judged.found:
        holds_shape(found)
        assert found["file"] == str(file)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.policy", "on_http_request { when req.host == 'ä' && req.nope { deny } }"),
        ("a.yaml", "on_http_request: [{expressions: [\"req.host == 'ä' && req.nope\"], "
         "actions: [{type: deny}]}]"),
        ("a.json", '{"on_http_request": [{"expressions": ["req.host == \'ä\' && req.nope"], '
         '"actions": [{"type": "deny"}]}]}'),
    ],
)  # fmt: skip
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("prefix", ["", "\n", "\r\n", "\n\n"])
def test_columns_count_characters_whatever_stands_before(
    name: str, text: str, bom: bytes, prefix: str, tmp_path: Path
) -> None:
    file = tmp_path / name
    file.write_bytes(bom + (prefix + text).encode())
    (found,) = (each for each in run_check([str(file)]).found if each["severity"] == "error")
    assert (found["line"], found["column"]) == (1 + prefix.count("\n"), 1 + text.index("req.nope"))
    assert (found["end_line"], found["end_column"]) == (found["line"], found["column"] + len("req.nope"))
    assert found["path"] == "on_http_request[0].expressions[0]"


def test_nothing_can_be_judged_is_status_two(tmp_path: Path) -> None:
    for arguments in (
        [str(tmp_path / "none.yaml")],
        [str(tmp_path)],
        ["--nope", str(tmp_path)],
        ["--format", "xml", str(tmp_path)],
        [],
        ["--endpoint", "not a url", str(tmp_path / "a.yaml")],
        ["--type", "both", str(tmp_path / "a.yaml")],
    ):
        judged = run_check(arguments)
        assert (judged.status, judged.found) == (2, []), arguments
        assert "Traceback" not in judged.complaint
        assert judged.complaint


# --- limits (spec/policy-language.md §1.4) ------------------------------------------------------------

CONDITION = "on_http_request[0].expressions[0]"
CONFIG = "on_http_request[0].actions[0].config"
RULE = "  - {expressions: [\"req.host == 'a'\"], actions: [{type: deny}]}\n"


def yaml_rules(count: int) -> str:
    return "on_http_request:\n" + RULE * count


def yaml_expressions(count: int) -> str:
    listed = ", ".join(["\"req.host == 'a'\""] * count)
    return f"on_http_request: [{{expressions: [{listed}], actions: [{{type: deny}}]}}]"


def yaml_actions(count: int) -> str:
    listed = ", ".join(["{type: log, config: {metadata: {a: b}}}"] * count)
    return f"on_http_request: [{{actions: [{listed}]}}]"


def yaml_expression(size: int) -> str:
    text = "req.host == '" + "a" * (size - len("req.host == ''")) + "'"
    return f'on_http_request: [{{expressions: ["{text}"], actions: [{{type: deny}}]}}]'


def yaml_nested(depth: int) -> str:
    return yaml_of("(" * depth + "true" + ")" * depth)


def yaml_of(expression: str) -> str:
    return f'on_http_request: [{{expressions: ["{expression}"], actions: [{{type: deny}}]}}]'


def yaml_vars(count: int) -> str:
    listed = ", ".join(f"{{v{i}: 1}}" for i in range(count))
    return f"on_http_request: [{{actions: [{{type: set-vars, config: {{vars: [{listed}]}}}}]}}]"


def yaml_name(size: int) -> str:
    return (
        "on_http_request: [{actions: [{type: rate-limit, config: {name: " + "a" * size + ", algorithm: "
        "sliding_window, capacity: 1, rate: 60s, bucket_key: [conn.client_ip]}}]}]"
    )


def yaml_laughs(levels: int) -> str:
    lines = ["a0: &a0 [x, x]"] + [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        pytest.param(yaml_rules(1000), None, id="1000 rules"),
        pytest.param(yaml_rules(1001), (2264, "on_http_request"), id="1001 rules"),
        pytest.param(yaml_expressions(64), None, id="64 expressions"),
        pytest.param(yaml_expressions(65), (2265, "on_http_request[0].expressions"), id="65 expressions"),
        pytest.param(yaml_actions(64), None, id="64 actions"),
        pytest.param(yaml_actions(65), (2265, "on_http_request[0].actions"), id="65 actions"),
        pytest.param(yaml_expression(16 * 1024), None, id="16 KiB"),
        pytest.param(yaml_expression(16 * 1024 + 1), (2200, CONDITION), id="over 16 KiB"),
        pytest.param(yaml_nested(32), None, id="32 brackets"),
        pytest.param(yaml_nested(33), (2200, CONDITION), id="33 brackets"),
        pytest.param(yaml_nested(5000), (2200, CONDITION), id="5000 brackets"),
        pytest.param(yaml_of("!" * 3000 + "true"), (2200, CONDITION), id="3000 nots"),
        pytest.param(yaml_vars(256), None, id="256 variables"),
        pytest.param(yaml_vars(257), (2218, f"{CONFIG}.vars"), id="257 variables"),
        pytest.param(yaml_name(1024), None, id="a name of 1024"),
        pytest.param(yaml_name(1025), (2221, f"{CONFIG}.name"), id="a name of 1025"),
        pytest.param(yaml_laughs(40), (2236, None), id="aliases without end"),
        pytest.param("[" * 5000, (2200, None), id="5000 lists"),
    ],
)
def test_limits_are_where_they_are_said_to_be(
    text: str, wanted: tuple[int, str | None] | None, tmp_path: Path
) -> None:
    file = tmp_path / "case.yaml"
    file.write_text(text)
    judged = run_check([str(file)])
    errors = [(found["ngrok"], found["path"]) for found in judged.found if found["severity"] == "error"]
    assert (errors[0] if errors else None) == wanted, judged
    assert judged.status == (0 if wanted is None else 1)


def test_a_document_may_have_one_mebibyte(tmp_path: Path) -> None:
    file = tmp_path / "case.yaml"
    text = "on_http_request: []\n"
    file.write_text(text + "#" * (1024 * 1024 - len(text)))
    assert run_check([str(file)]).status == 0
    file.write_text(text + "#" * (1024 * 1024 - len(text) + 1))
    judged = run_check([str(file)])
    assert (judged.status, judged.found[0]["ngrok"]) == (1, 2236)


# --- several files ------------------------------------------------------------------------------------


def test_imports_bring_lets_and_rules_in(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "common.policy").write_text(
        'import "deeper.policy"\nlet is_api = req.url.path.startsWith("/api/")\n'
        "rules guard { when is_api { deny } }\n"
        'endpoint "https://other.internal" -> "http://127.0.0.1:1"\non_http_request { deny }\n'
    )
    (tmp_path / "lib" / "deeper.policy").write_text("let deep = true\n")
    main = tmp_path / "main.policy"

    def errors(text: str) -> list[str]:
        main.write_text(text)
        return [found["message"] for found in run_check([str(main)]).found if found["severity"] == "error"]

    uses = 'import "lib/common.policy"\non_http_request { use guard when is_api { deny } }\n'
    assert errors(uses) == []
    assert len(errors('import "lib/common.policy"\non_http_request { when deep { deny } }\n')) == 1
    # neither its endpoints nor its phases come along
    assert (
        errors('import "lib/common.policy"\nendpoint "https://other.internal" -> "http://127.0.0.1:1"\n')
        == []
    )
    assert len(errors('import "lib/none.policy"\non_http_request { deny }\n')) == 1
    assert len(errors(f"let is_api = true\n{uses}")) == 1


def test_a_circle_of_imports_is_shown(tmp_path: Path) -> None:
    for here, there in (("a", "b"), ("b", "c"), ("c", "a")):
        (tmp_path / f"{here}.policy").write_text(f'import "{there}.policy"\nlet x_{here} = 1\n')
    judged = run_check([str(tmp_path / "a.policy")])
    (message,) = (found["message"] for found in judged.found if found["severity"] == "error")
    assert all(f"{name}.policy" in message for name in "abc")


def test_files_are_one_set(tmp_path: Path) -> None:
    front, back = tmp_path / "front.policy", tmp_path / "back.yaml"
    front.write_text(
        'endpoint "https://a.example.com" { on_http_request { forward-internal "https://b.internal" } }'
    )
    back.write_text("version: 3\nendpoints: [{name: b, url: b.internal, upstream: {url: 1}}]\n")
    assert run_check([str(front)]).found[0]["ngrok"] == 3200
    assert run_check([str(front), str(back)]).found == []
    back.write_text("version: 3\nendpoints: [{name: b, url: 'https://a.example.com', upstream: {url: 1}}]\n")
    assert run_check([str(front), str(back)]).status == 1


def test_a_policy_file_of_an_endpoint_is_judged_for_it(tmp_path: Path) -> None:
    config, policy = tmp_path / "agent.yaml", tmp_path / "policy.yaml"
    config.write_text(
        "version: 3\nendpoints:\n  - name: a\n    url: https://a.internal\n    upstream: { url: 8080 }\n"
        "    traffic_policy_file: policy.yaml\n"
    )
    policy.write_text("on_tcp_connect: [{actions: [{type: deny}]}]\n")
    (found,) = run_check([str(config)]).found
    assert (found["ngrok"], found["file"]) == (2262, str(policy))


def test_warnings_refuse_with_strict_only(tmp_path: Path) -> None:
    file = tmp_path / "case.policy"
    file.write_text("on_http_request { when true { deny } }")
    assert run_check([str(file)]).status == 0
    assert run_check(["--strict", str(file)]).status == 1
    file.write_text('let a = "${x}"\non_http_request { when req.host == a { deny } }')  # a hint
    assert run_check(["--strict", str(file)]).status == 0
