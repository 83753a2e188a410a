"""The command `policyc`: one module per command, one per output format; what they share stands beside them.

Exit status: 0 clean, 1 a policy is refused, 2 the command could not do its work at all. A user never sees a
traceback: what nobody foresaw is one line and status 2 (`POLICYC_TRACEBACK=1` shows where it came from).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from policyc.runtime.cli.failure import CommandError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; argparse leaves through SystemExit."""
    from policyc.runtime.cli.arguments import parse
    from policyc.runtime.cli.output import complain, prepare

    prepare()
    try:
        arguments = parse(sys.argv[1:] if argv is None else argv)
        status: int = arguments.command_module.run(arguments)
    except CommandError as error:
        for line in error.lines:
            complain(line)
        return error.status
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # the command ends here: whatever it was, one line and not a traceback
        complain(unforeseen(error))
        return 2
    return status


def unforeseen(error: Exception) -> str:
    """Describe an error that is a bug of policyc; the traceback is printed where it was asked for."""
    import os
    import traceback

    if os.environ.get("POLICYC_TRACEBACK"):
        traceback.print_exc()
    where = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{where.filename.rpartition('policyc/')[2]}:{where.lineno}"
    return f"internal error at {place}: {type(error).__name__}: {error}; please report it"
