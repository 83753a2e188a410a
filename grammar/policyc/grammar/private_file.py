"""Files that policyc keeps for itself in the user's cache directory.

1. Written in one step, readable by their owner only: nobody reads half a file.
2. Read only if they belong to the user and nobody else may write them: what others could have put there is
   not looked at.
3. A checksum in front tells a file that was cut short or changed by accident.
4. Nothing here fails: a cache that cannot be read is empty, one that cannot be written stays as it is.
"""

from __future__ import annotations

import os
import sys

_FOREIGN_WRITE = 0o022
_CHECKSUM_LINE = 9  # octets


def directory() -> str | None:
    """Return policyc's cache directory (it need not exist), None where the user has no place for one."""
    root = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME")
    if not root or not os.path.isabs(root):
        home = os.path.expanduser("~")
        if not os.path.isabs(home):  # no home directory
            return None
        root = os.path.join(home, ".cache")
    return os.path.join(root, "policyc")


def read(name: str) -> bytes | None:
    """Return what was written under a name in the cache directory, None where there is nothing to trust."""
    place = directory()
    if place is None:
        return None
    try:
        with open(os.path.join(place, name), "rb") as file:
            if not _is_ours(os.fstat(file.fileno())):
                return None
            checksum = file.readline(_CHECKSUM_LINE).removesuffix(b"\n")
            octets = file.read()
    except (OSError, ValueError):
        return None
    return octets if checksum == _checksum(octets) else None


def write(name: str, octets: bytes) -> bool:
    """Put octets under a name in the cache directory; return whether that worked."""
    import tempfile

    place = directory()
    if place is None:
        return False
    try:
        os.makedirs(place, mode=0o700, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=place, prefix=".new-")
    except OSError:
        return False
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(_checksum(octets) + b"\n" + octets)
        os.replace(temporary, os.path.join(place, name))
    except OSError:
        _remove(temporary)
        return False
    return True


def trim(prefix: str, count: int) -> None:
    """Remove all but the newest files whose names begin with `prefix`."""
    place = directory()
    if place is None:
        return
    try:
        with os.scandir(place) as entries:
            found = [
                (entry.stat().st_mtime_ns, entry.path) for entry in entries if entry.name.startswith(prefix)
            ]
    except OSError:
        return
    for _, path in sorted(found, reverse=True)[count:]:
        _remove(path)


def _is_ours(status: os.stat_result) -> bool:
    if sys.platform == "win32":  # what lies in the profile of a user is the user's
        return True
    return status.st_uid == os.geteuid() and not status.st_mode & _FOREIGN_WRITE


def _checksum(octets: bytes) -> bytes:
    from zlib import crc32

    return b"%08x" % crc32(octets)


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return
