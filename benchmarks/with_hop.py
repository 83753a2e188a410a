"""Run w2.policy with one `forward-internal` between its rules and the upstream, for a comparison of gateways.

    with_hop.py PORT UPSTREAM_PORT DIRECTORY [FLAG ...]

The rules stay those of w2.policy; what they are wrapped in is written to DIRECTORY.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

RULES = Path(__file__).with_name("w2.policy")
LAST = 'add-headers { headers: { "x-policy": "checked" } }\n'


def with_hop(rules: str, upstream: int) -> str:
    """Return the policy: the rules at a public endpoint, the upstream behind an internal one."""
    before, last, after = rules.partition(LAST)
    if not last:
        raise ValueError(f"the rules do not end in {LAST}")
    return (
        f'endpoint "http://shop.example.test" {{\n{before}{last}  forward-internal "http://app.internal"\n'
        f'{after}}}\nendpoint "http://app.internal" -> "http://127.0.0.1:{upstream}"\n'
    )


def main() -> None:
    """Write the policy and become the gateway."""
    port, upstream, directory, *flags = sys.argv[1:]
    path = Path(directory, "hop.policy")
    path.write_text(with_hop(RULES.read_text(encoding="utf-8"), int(upstream)), encoding="utf-8")
    command = [sys.executable, "-m", "policyc", "run", str(path), "--http", f"127.0.0.1:{port}", *flags]
    os.execv(sys.executable, command)


if __name__ == "__main__":
    main()
