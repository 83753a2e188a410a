"""`python -m policyc`: the command, where the script is not on the path."""

from __future__ import annotations

import sys

from policyc.runtime.cli import main

if __name__ == "__main__":
    sys.exit(main())
