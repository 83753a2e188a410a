"""The files a command was given: read whole, or a plain line about each that cannot be.

A name that cannot be opened means that nothing can be judged (exit status 2); a file that opens but is no
policy is a finding like any other, and `grammar.files` reports it. `-` is the standard input.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from policyc.grammar.diagnostic import Report
from policyc.grammar.source import Source
from policyc.runtime.cli.failure import CommandError, reason

if TYPE_CHECKING:
    from policyc.runtime.stamp import Seen

STDIN = "<stdin>"


def read_all(
    names: Sequence[str], report: Report, seen: Seen | None = None, standard_input: bytes | None = None
) -> list[Source]:
    """Return the texts of the files, in order, each once; what is no text has been reported and is left out.

    `seen` gets the stamps of the files, taken before they are read; `standard_input` is what was read from
    there before. Raises CommandError naming every file that cannot be read.
    """
    from policyc.grammar.files import decode

    refused = []
    sources = []
    for name in dict.fromkeys(names):
        if seen is not None and name != "-":
            from policyc.runtime.stamp import stamp

            seen[name] = stamp(name)
        try:
            octets = standard_input if name == "-" and standard_input is not None else octets_of(name)
        except OSError as error:
            refused.append(f"cannot read {name}: {reason(error)}")
            continue
        except ValueError:  # a NUL in the name
            refused.append(f"cannot read {name}: not a file name")
            continue
        source = decode(STDIN if name == "-" else name, octets, report)
        if source is not None:
            sources.append(source)
    if refused:
        raise CommandError(*refused)
    return sources


def octets_of(name: str) -> bytes:
    """Return the octets of a file, or as many as tell that it is too large. Raises OSError."""
    from policyc.runtime.program import READ_LIMIT_BYTES

    if name == "-":
        return b"" if sys.stdin is None else sys.stdin.buffer.read(READ_LIMIT_BYTES)
    with open(name, "rb") as file:
        return file.read(READ_LIMIT_BYTES)
