"""How findings are printed: one module per format, each with `render(diagnostics, occasion) -> str`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import NamedTuple

from policyc.grammar.diagnostic import Diagnostic

# Format → its module. A module is imported when its format is asked for.
FORMATS = {"human": "human", "json": "json_list", "sarif": "sarif", "github": "github"}


class Occasion(NamedTuple):
    """What a format may want beside the findings: the files that were checked, and whether to colour."""

    files: tuple[str, ...]
    color: bool = False


Render = Callable[[Sequence[Diagnostic], Occasion], str]


def renderer(name: str) -> Render:
    """Return the function that prints findings in the format `name`."""
    render: Render = import_module(f"{__name__}.{FORMATS[name]}").render
    return render
