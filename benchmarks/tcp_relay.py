"""Run policyc as a TCP relay, for workload W5 of the comparison.

tcp_relay.py PORT UPSTREAM_PORT DIRECTORY [FLAG ...]
"""

from __future__ import annotations

import sys
from pathlib import Path

from policyc.runtime.cli import main

if __name__ == "__main__":
    port, upstream, folder, *flags = sys.argv[1:]
    policy = Path(folder) / "w5.policy"
    policy.write_text(f'endpoint "tcp://relay.example.com:{port}" -> "tcp://127.0.0.1:{upstream}"\n')
    sys.exit(main(["run", str(policy), "--http", "127.0.0.1:0", *flags]))
