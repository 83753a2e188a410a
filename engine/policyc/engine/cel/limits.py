"""How large what an expression makes may become; beyond it evaluation is an error, never a dead process.

The sizes of what comes in are the listeners' matter. These hold for results: of `+`, `join`, `replace`,
`format`, `lists.range`, `flatten` and so on. Without them `cel.bind(a, x + x, cel.bind(b, a + a, …))`
doubles at each step.
"""

from __future__ import annotations

from typing import Any, Final, NoReturn

from policyc.engine.values import EvalError

TEXT_LIMIT: Final = 1 << 20  # code points of a string, octets of bytes
ITEMS_LIMIT: Final = 100_000  # items of a list
DEPTH_LIMIT: Final = 100  # nesting of a decoded or encoded JSON value
PATTERN_LIMIT: Final = 4096  # code points of a regular expression


def text_limit_passed() -> NoReturn:
    """Raise what a string or bytes value over the limit is."""
    raise EvalError("too_large", f"a result is longer than {TEXT_LIMIT} characters")


def items_limit_passed() -> NoReturn:
    """Raise what a list over the limit is."""
    raise EvalError("too_large", f"a result has more than {ITEMS_LIMIT} items")


def bounded_text(value: Any) -> Any:
    """Return the string or bytes value; raises EvalError over the limit."""
    if len(value) > TEXT_LIMIT:
        text_limit_passed()
    return value


def bounded_items(value: Any) -> Any:
    """Return the list; raises EvalError over the limit."""
    if len(value) > ITEMS_LIMIT:
        items_limit_passed()
    return value
