"""What tells, without reading it, that a file is not the one that was read before."""

from __future__ import annotations

import os

# Device, inode (a file that was put in place of another), size, time of the last change.
Stamp = tuple[int, int, int, int]

# The files that were looked at, with the stamp that each had then; None where there was none to read.
Seen = dict[str, Stamp | None]


def stamp_of(status: os.stat_result) -> Stamp:
    """Return the stamp of an open file."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def stamp(name: str) -> Stamp | None:
    """Return the stamp of the file that a name leads to now, None where there is none."""
    try:
        return stamp_of(os.stat(name))
    except (OSError, ValueError):
        return None
