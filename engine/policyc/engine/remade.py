"""Functions that are made again from what they were made of, where a program is loaded from its image.

What such a function closes over is no data: a compiled pattern of RE2, say.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def remade(function: F, factory: object, *args: object) -> F:
    """Return the function, which says now that `factory(*args)` gives it as well."""
    function.__dict__["remade"] = (factory, args)
    return function
