"""From a run of the benchmarks to `benchmarks/results/engine.json`, which docs/performance.md shows.

    pytest benchmarks --benchmark-enable --benchmark-json=run.json
    python benchmarks/record.py run.json

Only what the page shows is kept: medians and ratios of one run, with machine and date. `make bench-record`
does both.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "engine.json"


def reduced(run: dict[str, Any]) -> dict[str, Any]:
    """Return what the page shows of a run in pytest-benchmark's form."""
    machine = run["machine_info"]
    kept: dict[str, Any] = {
        "date": run["datetime"][:10],
        "machine": {
            "cpu": machine["cpu"].get("brand_raw", machine["machine"]),
            "cores": machine["cpu"].get("count", 0),
            "system": f"{machine['system']} {machine['release']}",
            "python": machine["python_version"],
        },
        "expressions_ns": {},
        "ratios": {},
        "many_rules": {},
        "start_cpu_ms": {},
        "compiling": {},
    }
    for benchmark in run["benchmarks"]:
        file, _, test = benchmark["fullname"].partition("::")
        extra, case = benchmark["extra_info"], benchmark["param"]
        if test == "test_ratios":
            kept["expressions_ns"] = rounded(extra["ns"], 0)
            kept["ratios"] = rounded(extra["ratios"], 2)
        elif file.endswith("test_index.py"):
            ns = extra["ns"]
            kept["many_rules"][case] = {
                "rules": extra["rules"],
                "few_ns": round(ns["few"]),
                "many_ns": round(ns["many"]),
                "ratio": round(ns["many"] / ns["few"], 2),
            }
        elif file.endswith("test_start.py"):
            kept["start_cpu_ms"][case] = extra["cpu_ms"]
        elif file.endswith("test_compile.py"):
            kept["compiling"] |= compiling(test, case, benchmark)
    return kept


def compiling(test: str, case: str | None, benchmark: dict[str, Any]) -> dict[str, Any]:
    """Return what the page shows of one of the benchmarks of 1,000 rules."""
    extra = benchmark["extra_info"]
    cpu_ms = round(benchmark["stats"]["median"] * 1000)
    if test.startswith("test_compile"):
        return {f"compile_{case}": {"cpu_ms": cpu_ms, "octets_per_rule": extra["octets_per_rule"]}}
    if test == "test_load_from_the_cache":
        return {"load": {"cpu_ms": cpu_ms, "kilobytes": round(extra["octets"] / 1000)}}
    return {"memory": {"megabytes": extra["kept_mb"]}}


def rounded(found: dict[str, Any], digits: int) -> dict[str, Any]:
    """Return nested numbers with fewer digits."""
    return {
        name: rounded(value, digits) if isinstance(value, dict) else round(value, digits or None)
        for name, value in found.items()
    }


def main(argv: list[str]) -> int:
    """Reduce the run that the first argument names, and write the results."""
    run = json.loads(Path(argv[0]).read_text(encoding="utf-8"))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(reduced(run), indent=2) + "\n", encoding="utf-8")
    print(f"wrote {RESULTS}; `make docs` puts it into docs/performance.md")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
