"""`--watch`: notices that a file of the configuration has changed, and waits until it rests.

The files are looked at one after the other at an interval: that works on every system and every file system,
and no event is missed. A change counts when two looks in a row show the same: an editor may write in pieces,
a checkout file by file.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from policyc.runtime.stamp import Seen, stamp


class Watcher:
    """Watches files by their stamps; those that are missing too, for they may come."""

    def __init__(self, interval_s: float) -> None:
        """Look every `interval_s` seconds."""
        self._interval_s = interval_s
        self._seen: Seen = {}

    def note(self, seen: Seen) -> None:
        """Watch these files from now on, and no others; they are known as they were read."""
        self._seen = dict(seen)

    async def changed(self) -> None:
        """Return when a file is not as it was read, and has not changed for an interval."""
        last: Seen | None = None
        while True:
            await asyncio.sleep(self._interval_s)
            known = self._seen
            # In a thread: a network file system may take its time.
            now = await asyncio.to_thread(_look, tuple(known))
            if known is not self._seen or now == known:  # the first: noted anew meanwhile
                last = None
            elif now == last:
                self._seen = now
                return
            else:
                last = now


def _look(names: Iterable[str]) -> Seen:
    return {name: stamp(name) for name in names}
