"""Run the comparison with other gateways: `make bench-peers`, or gateways.py PATH/TO/compare.py [FLAG ...].

compare.py is no part of this project: it drives nginx, HAProxy, Envoy, Caddy and what else is installed with
the same load as policyc, interleaved, and measures the CPU time of each per request. It says itself how to
get the peers that are not there. Flags after its path go to it; without any, W1 to W6 are run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
USUAL = ["--workloads", "W1,W2,W3,W4,W5,W6", "--rounds", "3", "--seconds", "2"]


def command(compare: Path, contestants: str, flags: list[str]) -> list[str]:
    """Return the command line of a comparison."""
    calm = ["--nice", "-15"] if os.geteuid() == 0 else []
    return [sys.executable, str(compare), "--contestants-file", contestants, *calm, *(flags or USUAL)]


def main() -> int:
    """Say which peers there are, then compare."""
    given = sys.argv[1] if len(sys.argv) > 1 else str(ROOT.parent / "shared" / "bench" / "compare.py")
    compare = Path(given)
    if not compare.is_file():
        print(f"no compare.py at {compare}: give its path, make bench-peers COMPARE=PATH", file=sys.stderr)
        return 2
    subprocess.run([sys.executable, str(compare), "--list"], check=False)
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as contestants:
        # compare.py starts everybody in a directory of its own.
        here = (ROOT / "benchmarks" / "contestants.json").read_text(encoding="utf-8")
        contestants.write(here.replace(" benchmarks/", f" {ROOT}/benchmarks/"))
        contestants.flush()
        return subprocess.run(command(compare, contestants.name, sys.argv[2:]), check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
