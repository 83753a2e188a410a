"""Question: what does a policy of 1,000 rules cost to compile, to load from the cache, and to keep in memory?

The rules are those of many_rules.py. Compiling is the whole way from the text to the program that runs, in a
process that has compiled something before. Times are CPU time. Without `--benchmark-enable` a tenth of the
rules will do.
"""

from __future__ import annotations

import gc
import time
import tracemalloc
from pathlib import Path
from typing import Any, cast

import pytest
from benchmarks.many_rules import rules_as_policy, rules_as_yaml
from pytest_benchmark.fixture import BenchmarkFixture

from policyc.engine.cel.regex import compile_pattern, compiled
from policyc.engine.model import Program
from policyc.runtime.program import compile_program, load_program

cpu_time = pytest.mark.benchmark(timer=time.process_time)

TEXTS = {"policy": rules_as_policy, "yaml": rules_as_yaml}


def count(benchmark: BenchmarkFixture) -> int:
    """Return how many rules to measure with."""
    return 100 if cast("Any", benchmark).disabled else 1000


def forget() -> None:
    """Forget the patterns that were compiled before."""
    compiled.cache_clear()
    compile_pattern.cache_clear()
    gc.collect()


@cpu_time
@pytest.mark.parametrize("ending", TEXTS)
def test_compile(ending: str, benchmark: BenchmarkFixture) -> None:
    benchmark.group = "1,000 rules"
    text = TEXTS[ending](count(benchmark))
    benchmark.extra_info["octets_per_rule"] = round(len(text) / count(benchmark))
    compile_program("on_http_request { deny }")

    def run() -> Program:
        return compile_program(text, filename=f"many.{ending}")

    made = cast("Any", benchmark).pedantic(run, setup=forget, rounds=5)
    assert made.policy is not None


@cpu_time
def test_load_from_the_cache(
    benchmark: BenchmarkFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    benchmark.group = "1,000 rules"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = tmp_path / "many.policy"
    path.write_text(rules_as_policy(count(benchmark)))
    load_program(path)
    [image] = tmp_path.glob("policyc/program-*")
    benchmark.extra_info["octets"] = image.stat().st_size
    made = cast("Any", benchmark).pedantic(load_program, args=(path,), setup=forget, rounds=20)
    assert made.policy is not None


def test_memory(benchmark: BenchmarkFixture) -> None:
    benchmark.group = "1,000 rules, memory"
    text = rules_as_policy(count(benchmark))
    compile_program(text, filename="other.policy")  # what is made once, whatever is compiled
    forget()
    tracemalloc.start()
    try:
        made = cast("Any", benchmark).pedantic(compile_program, args=(text,), rounds=1)
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert made.policy is not None
    benchmark.extra_info["kept_mb"] = round(kept / 1e6, 2)
    assert kept < 10_000 * count(benchmark)
