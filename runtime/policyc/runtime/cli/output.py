"""Standard output and standard error, so that neither can bring a command down.

A reader that goes away (`policyc check … | head`) is no error of the command. A character that the terminal's
encoding lacks is written as its escape.
"""

from __future__ import annotations

import os
import sys

from policyc.runtime.cli.failure import CommandError, reason


def prepare() -> None:
    """Make both streams write any character; called once, first."""
    import io

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(text: str) -> None:
    """Write `text` to standard output; a reader that has gone is ignored, a full disk is a CommandError."""
    if sys.stdout is None or not text:
        return
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_output()
    except OSError as error:
        _discard_output()
        raise CommandError(f"cannot write the output: {reason(error)}") from None


def complain(line: str) -> None:
    """Write one line about the command itself to standard error."""
    note(f"policyc: {printable(line)}")


def note(line: str) -> None:
    """Write one line to standard error as it is; where it cannot be written nobody can be told."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
    except OSError:
        return


def printable(text: str) -> str:
    """Return `text` without control characters, so that a file's name or text cannot steer the terminal."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or "\udc80" <= c <= "\udcff" else "\N{REPLACEMENT CHARACTER}" for c in text
    )


def _discard_output() -> None:
    """Point the standard output's descriptor at nothing, or the interpreter's last flush fails once more."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, sys.stdout.fileno())
    except (OSError, ValueError):
        return
    finally:
        os.close(nothing)
