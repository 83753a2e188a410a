"""Every code that policyc may report: they are declared all over, so all modules are imported first.

For `explain` and the docs, which need the whole list; nothing on the way of `check` comes here. The runtime
declares none, and some of its modules need an extra that may not be installed: it is left alone.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from importlib import import_module

from policyc.grammar.codes import Code, declared


def every_code() -> Mapping[str, Code]:
    """Return all codes by id, in order."""
    for root in ("policyc.grammar", "policyc.engine"):
        package = import_module(root)
        for module in pkgutil.walk_packages(package.__path__, f"{root}."):
            if not module.name.endswith(".__main__"):
                import_module(module.name)
    return declared()


def find_codes(word: str) -> list[Code]:
    """Return the codes that `word` may mean: an id, a name, or an ERR_NGROK number (of several, perhaps)."""
    wanted = word.strip().strip("[]").upper()
    number = wanted.removeprefix("ERR_NGROK_")
    return [
        code
        for code in every_code().values()
        if wanted in (code.id, code.name.upper()) or (number.isdecimal() and code.ngrok == int(number))
    ]
