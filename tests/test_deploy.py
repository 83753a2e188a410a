"""deploy/: what a service manager and a container builder are told is right, as far as can be seen here."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from tests.runtime.cli.conftest import Running, gateway

from policyc.runtime.cli.address import DEFAULT_ADMIN
from policyc.runtime.cli.arguments import parse
from policyc.runtime.settings import Settings

__all__ = ["gateway"]

ROOT = Path(__file__).parents[1]
UNIT = ROOT / "deploy" / "policyc.service"
CONTAINER = ROOT / "deploy" / "Containerfile"

ANALYZE = shutil.which("systemd-analyze")


def settings_of_unit() -> dict[str, list[str]]:
    """Return the values of each name in the unit's section [Service]."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in UNIT.read_text().splitlines():
        if line.startswith("["):
            section = line
        elif section == "[Service]" and line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def runnable_unit(folder: Path) -> Path:
    """Return the unit with a command that is there, which is all that depends on the machine."""
    command = folder / "policyc"
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    unit = folder / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/policyc/bin/policyc", str(command)))
    return unit


def test_unit_starts_and_reloads_what_there_is() -> None:
    unit = settings_of_unit()
    [start], [default] = unit["ExecStart"], [v for v in unit["Environment"] if v.startswith("POLICYC_FLAGS=")]
    flags = default.removeprefix("POLICYC_FLAGS=").replace("\\x20", " ")
    arguments = parse(shlex.split(start.replace("$POLICYC_FLAGS", flags))[1:])
    assert (arguments.http, arguments.watch) == (("0.0.0.0", 80), True)
    assert unit["Type"] == ["notify"]
    assert unit["ExecReload"] == ["/bin/kill -HUP $MAINPID"]
    assert int(unit["TimeoutStopSec"][0]) > Settings().drain_timeout_s + 5
    assert unit["KillMode"] == ["mixed"]


@pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")
def test_unit_is_accepted_by_systemd(tmp_path: Path) -> None:
    assert ANALYZE is not None
    done = subprocess.run(
        [ANALYZE, "verify", "--man=no", runnable_unit(tmp_path)], capture_output=True, text=True, timeout=30
    )
    ours = [line for line in done.stderr.splitlines() if UNIT.name in line]
    assert ours == []


@pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")
def test_unit_exposes_little(tmp_path: Path) -> None:
    assert ANALYZE is not None
    done = subprocess.run(
        [ANALYZE, "security", "--offline=true", "--threshold=20", "--no-pager", runnable_unit(tmp_path)],
        capture_output=True,
        text=True,
        timeout=30,
    )
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze does not rate units that are not loaded")
    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="the system call is of Linux")
@pytest.mark.e2e
def test_gateway_runs_where_no_memory_is_written_and_executed(
    gateway: Callable[..., Running], tmp_path: Path
) -> None:
    policy = tmp_path / "a.policy"
    policy.write_text('endpoint "http://a.example.com" { on_http_request { deny } }')
    # What MemoryDenyWriteExecute= asks the kernel for: PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN.
    asks = "import ctypes, sys; done = ctypes.CDLL(None).prctl(65, 1, 0, 0, 0); "
    running = gateway(policy, prelude=f"{asks}print('mdwe', done, flush=True); ")
    if running.wait_for(r"^mdwe (-?\d+)$")[1] != "0":
        pytest.skip("this kernel has no PR_SET_MDWE")
    assert httpx.get(running.url, headers={"host": "a.example.com"}).status_code == 403
    assert running.stop()[0] == 0


def instructions() -> Iterator[tuple[str, str]]:
    """Yield the instructions of the Containerfile, each as one line."""
    text = re.sub(r"^#.*\n", "", CONTAINER.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    for line in filter(None, text.splitlines()):
        name, _, rest = line.partition(" ")
        yield name, rest.strip()


def test_container_runs_what_there_is_as_nobody_in_particular() -> None:
    every = list(instructions())
    said = dict(every)
    kept = set((ROOT / ".dockerignore").read_text().split())
    for name, rest in every:
        if name == "COPY" and not rest.startswith("--from"):
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists()
                assert f"!{source}" in kept
    user, _, group = said["USER"].partition(":")
    assert (int(user), int(group)) > (0, 0)
    assert [name for name, _ in every].index("USER") > [name for name, _ in every].index("RUN")
    line = json.loads(said["ENTRYPOINT"]) + json.loads(said["CMD"])
    assert line[0] == "policyc"
    arguments = parse(line[1:])
    assert str(arguments.http[1]) == said["EXPOSE"]
    assert f"http://127.0.0.1:{DEFAULT_ADMIN.port}/healthz" in said["HEALTHCHECK"]
    assert arguments.admin[:2] == DEFAULT_ADMIN[:2]
    assert said["STOPSIGNAL"] == "SIGTERM"


def test_container_installs_extras_that_there_are() -> None:
    import tomllib

    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    [wanted] = re.findall(r"'\.\[([a-z0-9,]+)\]'", CONTAINER.read_text())
    assert set(wanted.split(",")) <= set(extras)


@pytest.mark.skipif(shutil.which("hadolint") is None, reason="hadolint is not installed")
def test_container_file_is_accepted_by_hadolint() -> None:
    done = subprocess.run(
        ["hadolint", "--failure-threshold", "error", CONTAINER], capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stdout
