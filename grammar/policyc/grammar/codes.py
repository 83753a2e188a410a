"""The codes of diagnostics: what a `Code` is, and the codes of syntax.

Each module that finds something declares its codes beside what it finds; `explain` and the docs collect them
from the one table here. Numbers go by hundreds: P00 files and encodings, P01 syntax, P02 names and types of
expressions, P03 rules, actions and their fields, P04 phases, P05 endpoints, P06 flow, P07 hazards, P08
limits, P09 what this installation cannot run.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

_ALL: dict[str, Code] = {}
_NAMES: set[str] = set()


class Code(NamedTuple):
    """A stable name for one kind of finding.

    `id` is what users quote (`P0301`), `name` a readable slug (`unknown-action`), `explanation` prose for
    `policyc explain`, `wrong` and `right` small policies in the `.policy` language (or YAML, where the
    mistake only exists there), `ngrok` the ERR_NGROK number that corresponds to it.
    """

    id: str
    name: str
    title: str
    explanation: str
    wrong: str
    right: str
    severity: Literal["error", "warning", "hint"] = "error"
    ngrok: int | None = None


def declare(
    id: str,
    name: str,
    title: str,
    *,
    explanation: str,
    wrong: str = "",
    right: str = "",
    severity: Literal["error", "warning", "hint"] = "error",
    ngrok: int | None = None,
) -> Code:
    """Declare a code once for all; a second code of the same id or name is a programming error.

    Raises ValueError for a duplicate.
    """
    if id in _ALL or name in _NAMES:
        raise ValueError(f"code {id} {name} is declared twice")
    _NAMES.add(name)
    code = Code(id, name, title, explanation, wrong, right, severity, ngrok)
    _ALL[id] = code
    return code


def declared() -> dict[str, Code]:
    """Return every code declared by the modules imported so far, by id."""
    return dict(sorted(_ALL.items()))
