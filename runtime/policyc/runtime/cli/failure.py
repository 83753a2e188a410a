"""What a command raises when it cannot do its work: plain lines, and the exit status that goes with them."""

from __future__ import annotations

import errno
import os

COULD_NOT_RUN = 2

_HINTS = {
    errno.EACCES: "; ports below 1024 are for root, or with CAP_NET_BIND_SERVICE",
    errno.EADDRNOTAVAIL: "; no interface of this machine has it",
}


class CommandError(Exception):
    """The command ends here: `lines` go to standard error, each by itself; `status` is the exit status.

    `exceeded` are the limits of policies that it ends for (limit_flags.py), if it does.
    """

    def __init__(self, *lines: str, status: int = COULD_NOT_RUN, exceeded: tuple[str, ...] = ()) -> None:
        """Say why, in lines."""
        super().__init__("; ".join(lines))
        self.lines = lines
        self.status = status
        self.exceeded = exceeded


def reason(error: OSError) -> str:
    """Return why the system refused, in its words with a small first letter (`no such file or directory`)."""
    words = error.strerror or str(error) or type(error).__name__
    return words[:1].lower() + words[1:]


def why_not(error: OSError) -> str:
    """Return why listening failed; asyncio wraps the system's words in a sentence of its own."""
    if error.errno is not None and error.errno > 0:
        words = os.strerror(error.errno)
        return words[:1].lower() + words[1:]
    return reason(error)


def cannot_listen(where: str, error: OSError) -> CommandError:
    """Return what a command ends with that cannot listen at an address, and what helps against it."""
    return CommandError(f"cannot listen on {where}: {why_not(error)}{_HINTS.get(error.errno or 0, '')}")
