"""The process that compiles for another one: `python -m policyc.runtime.cli.packing run FILE…`.

It gets the command line that the other one got, and says on standard output, as one marshalled tuple, what
became of the files: `built` with the parcel, `refused` with the limits that a policy exceeds, if any (the
diagnostics are on standard error), `failed` with lines, or `unsaved`: the program cannot be handed on. The
files that were looked for stand behind it. Nothing is imported that only a gateway needs.
"""

from __future__ import annotations

import marshal
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from policyc.runtime.cli.failure import CommandError

if TYPE_CHECKING:
    from policyc.runtime.cli.programs import ProgramLoader

_NICE = 5  # requests go first


def main(argv: Sequence[str]) -> int:
    """Compile what the arguments name, and write the answer."""
    from policyc.runtime.cli.arguments import parse
    from policyc.runtime.cli.logs import set_up_logs
    from policyc.runtime.cli.output import prepare
    from policyc.runtime.cli.run import loader_of

    prepare()
    arguments = parse(argv)
    set_up_logs(arguments.log_level)
    if hasattr(os, "nice"):
        os.nice(_NICE)
    loader = loader_of(arguments)
    answer = (*_packed(loader), loader.seen)
    try:
        sys.stdout.buffer.write(marshal.dumps(answer))
        sys.stdout.buffer.flush()
    except BrokenPipeError:  # nobody waits for it any more
        os._exit(1)
    return 0


def _packed(loader: ProgramLoader) -> tuple[str, Any]:
    from policyc.engine.image.writing import Unsaved
    from policyc.runtime.cli import unforeseen

    try:
        parcel = loader.pack()
    except CommandError as error:
        return "failed", error.lines
    except Unsaved as error:
        return "unsaved", str(error)
    except Exception as error:  # this process ends here; whoever started it says why
        return "failed", (unforeseen(error),)
    return ("refused", loader.exceeded) if parcel is None else ("built", tuple(parcel))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
