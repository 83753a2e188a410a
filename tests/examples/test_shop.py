"""`make run`'s example: each curl line that shop.policy promises is run, and shows what it says."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHOP = ROOT / "examples" / "shop.policy"
TRIES = re.findall(r"^ *# try: (.*?)  # (.*)$", SHOP.read_text(), re.MULTILINE)

# What an answer must hold besides the status that the line promises.
SHOWS = {
    "/.env": "content-length: 0",
    "/healthz": "ok",
    "/old/tea": "location: https://shop.localhost",
    "/v1/stock": '"path": "/api/stock"',
    "/status": "this is https://status.internal",
    "/reports": "no reports today (ERR_NGROK_8012)",
    "/tea": "x-visitor: 127.0.0.1 (de)",
    "/nowhere": "Try /tea",
}

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
]


@pytest.fixture(scope="module")
def port() -> Iterator[str]:
    """Start the example as `make run` does, on a port that the system chooses."""
    flags = re.findall(r"--app (\S+)", (ROOT / "Makefile").read_text())
    assert len(flags) == 3
    command = [sys.executable, "-m", "policyc", "run", str(SHOP), "--http", "127.0.0.1:0"]
    for flag in flags:
        command += ["--app", flag]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            listening = next(line for line in process.stdout if line.startswith("listening"))
            yield listening.strip().rpartition(":")[2]
        finally:
            process.terminate()
            assert process.wait(20) == 0


@pytest.mark.parametrize(("line", "promise"), TRIES, ids=[promise for _, promise in TRIES])
def test_curl_line_shows_what_it_says(port: str, line: str, promise: str) -> None:
    if "--interface" in line and sys.platform != "linux":
        pytest.skip("only Linux has all of 127.0.0.0/8 on its loopback")
    line = line.replace(":8080", f":{port}").replace("curl ", "curl -sS --max-time 10 ", 1)
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=20)
    if promise.startswith("no answer"):
        assert done.stdout == ""
        assert done.returncode in (52, 56)
        return
    if promise.startswith("429"):
        assert done.stdout.split() == ["200"] * 5 + ["429"] * 2
        return
    status, _, _ = promise.partition(",")
    assert done.stdout.splitlines()[0].split()[1] == status
    (path,) = re.findall(rf":{port}(/\S*)", line)
    assert SHOWS.get(path, "") in done.stdout
    assert "x-debug" not in done.stdout


def test_lines_exercise_every_rule_of_the_example() -> None:
    rules = re.findall(r"^ *(?:rule|when) ", SHOP.read_text(), re.MULTILINE)
    assert len(TRIES) >= len(rules) - 2  # the two rules of the response phase need no line of their own


def test_make_run_prints_the_lines() -> None:
    recipe = subprocess.run(
        ["make", "-n", "run"], cwd=ROOT, capture_output=True, text=True, timeout=20
    ).stdout
    printing = next(line for line in recipe.splitlines() if "# try: " in line)
    printed = subprocess.run(
        ["sh", "-c", printing], cwd=ROOT, capture_output=True, text=True, timeout=20
    ).stdout
    assert [line for line, _ in TRIES if line not in printed] == []
