"""Room on Python's stack for walking deep trees.

The parser bounds how deep an expression may be, and the checker how deep it is with its lets put in; each
level takes several Python frames, and the caller's own are not known. Frames of pure Python cost no C stack.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

DEPTH_LIMIT = 300  # levels of one expression with its lets put in
_FRAMES = 10_000


@contextmanager
def room() -> Iterator[None]:
    """Let the stack be deep enough for any expression while the block runs."""
    before = sys.getrecursionlimit()
    if before >= _FRAMES:
        yield
        return
    sys.setrecursionlimit(_FRAMES)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
