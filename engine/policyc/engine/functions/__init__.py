"""The functions and operators of expressions, one family per file.

Each family module has `FUNCTIONS`, a tuple of declarations; nothing else needs to know a function. The
checker, both evaluators and the docs read the mapping that `functions` gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from policyc.engine.function import Dialect, Function

FAMILIES = (
    "arithmetic",
    "comparison",
    "conversions",
    "strings",
    "text_format",
    "lists",
    "math",
    "times",
    "encoders",
    "hashes",
    "urls",
    "addresses",
    "lookups",
    "chance",
    "optionals",
)


@cache
def functions(dialect: Dialect) -> Mapping[str, Function]:
    """Return the functions of an environment by name, each with the overloads that the environment has."""
    from importlib import import_module

    found: dict[str, Function] = {}
    for family in FAMILIES:
        declared: tuple[Function, ...] = import_module(f"{__name__}.{family}").FUNCTIONS
        for function in declared:
            overloads = tuple(function.in_dialect(dialect))
            if not overloads:
                continue
            if function.name in found:
                raise ValueError(f"function `{function.name}` is declared twice")
            if len(overloads) < len(function.overloads):
                function = Function(
                    function.name,
                    function.doc,
                    overloads,
                    function.examples,
                    function.phases,
                    function.replaced_by,
                )
            found[function.name] = function
    return MappingProxyType(found)
