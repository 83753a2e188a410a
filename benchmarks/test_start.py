"""Question: how long does `policyc check` take on one page, in a new process?

Measured is what a user waits for: the whole life of the process, with byte code and saved parser in place;
for comparison, an interpreter that does nothing. The CPU time is in the extra information: it says more than
the clock where others work on the machine too.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any, cast

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

HERE = Path(__file__).parent
COMMANDS = {
    "nothing": ["-c", "pass"],
    "page.policy": ["-m", "policyc", "check", str(HERE / "page.policy")],
    "page.yaml": ["-m", "policyc", "check", str(HERE / "page.yaml")],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_start(name: str, benchmark: BenchmarkFixture) -> None:
    resource = pytest.importorskip("resource")
    benchmark.group = "start"
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    spent: list[float] = []

    def run() -> None:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [sys.executable, *COMMANDS[name]], env=environment, capture_output=True, text=True
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        assert done.returncode == 0
        assert name == "nothing" or done.stdout == f"{HERE / name}: nothing to report\n"

    cast("Any", benchmark).pedantic(run, rounds=20, warmup_rounds=1)
    benchmark.extra_info["cpu_ms"] = round(median(spent) * 1000, 1)
