"""The limits of policies as flags of `check` and `run`, one for each of grammar/limits.py.

What a policy exceeds is a diagnostic; a reload that is refused for it counts by the limit's name.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from policyc.grammar.limits import DEFAULTS, LIMITS, Limit, Limits

if TYPE_CHECKING:
    from policyc.grammar.diagnostic import Diagnostic

_WHOLE = re.compile(r"[0-9]{1,3}(?:[_,]?[0-9]{3})*|[0-9]{1,12}")


def limit_flag_of(limit: Limit) -> str:
    """Return the flag of a limit."""
    return "--" + limit.name.replace("_", "-")


def add_limit_flags(parser: argparse.ArgumentParser) -> None:
    """Declare one flag for each limit."""
    group = parser.add_argument_group("limits of policies")
    for limit, default in zip(LIMITS, DEFAULTS, strict=True):
        group.add_argument(
            limit_flag_of(limit),
            dest=limit.name,
            type=_up_to(limit.most),
            default=default,
            metavar="N",
            help=f"{limit.doc} (default {default:,})",
        )


def limits_from(arguments: argparse.Namespace) -> Limits:
    """Return the limits that were given, with the defaults of all others."""
    return Limits(*[getattr(arguments, limit.name) for limit in LIMITS])


def exceeded(found: Iterable[Diagnostic]) -> tuple[str, ...]:
    """Return the names of the limits that diagnostics are about, each once."""
    names: dict[str, None] = {}
    for each in found:
        for limit in LIMITS:
            if each.code.id in limit.codes and _is_about(each, limit):
                names[limit.name] = None
    return tuple(names)


def _is_about(found: Diagnostic, limit: Limit) -> bool:
    """Whether it is this limit, of those that share the code."""
    if limit.name == "variables_per_action":
        return found.facts.get("action") == "set-vars"
    if limit.name in ("expressions_per_rule", "actions_per_rule"):
        return (found.path or "").endswith("." + limit.name.partition("_")[0])
    return True


def _up_to(most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        number = int(re.sub("[_,]", "", text)) if _WHOLE.fullmatch(text) else 0
        if not 0 < number <= most:
            raise argparse.ArgumentTypeError(f"`{text}` is no number from 1 to {most:,}")
        return number

    return read
