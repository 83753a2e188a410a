"""Run the comparison with other gateways: `make bench-peers`.

    gateways.py [--record] PATH/TO/compare.py [FLAG ...]

compare.py is no part of this project: it drives nginx, HAProxy, Envoy, Caddy and what else is installed with
the same load as policyc, interleaved, and measures the CPU time of each per request. It says itself how to
get the peers that are not there. Flags after its path go to it; without any, W1 to W6 are run. `--record`
keeps the medians in `benchmarks/results/gateways.json`, which docs/performance.md shows.
"""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "gateways.json"
USUAL = ["--workloads", "W1,W2,W3,W4,W5,W6", "--rounds", "3", "--seconds", "2"]


def command(compare: Path, contestants: str, flags: list[str]) -> list[str]:
    """Return the command line of a comparison."""
    calm = ["--nice", "-15"] if os.geteuid() == 0 else []
    return [sys.executable, str(compare), "--contestants-file", contestants, *calm, *(flags or USUAL)]


def reduced(run: dict[str, Any], date: str) -> dict[str, Any]:
    """Return what the page shows of a run: microseconds of CPU per request, by workload and contestant."""
    found: dict[str, dict[str, float]] = {}
    for each in run["medians"]:
        found.setdefault(each["workload"], {})[each["contestant"]] = round(each["cpu_us_per_req"], 1)
    settings = run["settings"]
    return {"date": date, "rounds": settings["rounds"], "seconds": settings["seconds"], "cpu_us": found}


def main(argv: list[str]) -> int:
    """Say which peers there are, then compare."""
    is_recorded = argv[:1] == ["--record"]
    given, *flags = argv[is_recorded:] or [str(ROOT.parent / "shared" / "bench" / "compare.py")]
    compare = Path(given)
    if not compare.is_file():
        print(f"no compare.py at {compare}: give its path, make bench-peers COMPARE=PATH", file=sys.stderr)
        return 2
    subprocess.run([sys.executable, str(compare), "--list"], check=False)
    with tempfile.TemporaryDirectory() as directory:
        # compare.py starts everybody in a directory of its own.
        here = (ROOT / "benchmarks" / "contestants.json").read_text(encoding="utf-8")
        contestants, measured = Path(directory, "contestants.json"), Path(directory, "run.json")
        contestants.write_text(here.replace(" benchmarks/", f" {ROOT}/benchmarks/"), encoding="utf-8")
        asked = command(compare, str(contestants), flags)
        if is_recorded:
            asked += ["--json", str(measured)]
        status = subprocess.run(asked, check=False).returncode
        if is_recorded and measured.is_file():
            run = json.loads(measured.read_text(encoding="utf-8"))
            kept = reduced(run, datetime.date.today().isoformat())
            RESULTS.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
            print(f"wrote {RESULTS}; `make docs` puts it into docs/performance.md")
    return status


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
