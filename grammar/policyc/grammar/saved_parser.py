"""The tables of policy.lark, kept between processes.

Making them takes several times as long as everything else that a short `check` does, loading saved ones less
than a millisecond. The saved ones are data (numbers and texts, as `marshal` writes them) in the user's cache
directory, under a name that tells grammar, Lark and Python apart. Whatever is wrong with the file or the
directory, the tables are made anew and nobody is told.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, cast

from policyc.grammar import private_file
from policyc.grammar.machine import Parser, Tables

if TYPE_CHECKING:
    from importlib.abc import FileLoader

_FORMAT = 3
_PREFIX = "grammar-"
_KEPT = 4  # files; the oldest ones make room


def load_parser() -> Parser:
    """Return the parser of the language."""
    grammar = grammar_text()
    name = file_name(grammar, _lark_stamp())
    octets = private_file.read(name)
    tables = None if octets is None else _tables(octets)
    if tables is None:
        from marshal import dumps

        from policyc.grammar.tables import build_tables

        tables = build_tables(grammar)
        if private_file.write(name, dumps(tuple(tables))):
            private_file.trim(_PREFIX, _KEPT)
    return Parser(tables)


def grammar_text() -> str:
    """Return policy.lark (by the module's own loader: `importlib.resources` alone imports for 10 ms)."""
    path = os.path.join(os.path.dirname(__file__), "policy.lark")
    loader = cast("FileLoader", sys.modules[__name__].__loader__)
    return loader.get_data(path).decode()


def file_name(grammar: str, lark: str) -> str:
    """Return the name of the file with the tables of a grammar."""
    from zlib import crc32

    octets = grammar.encode()
    return f"{_PREFIX}{crc32(octets):08x}{len(octets):x}-{lark}-{sys.implementation.cache_tag}-{_FORMAT}"


def _lark_stamp() -> str:
    """Tell installed versions of Lark apart without importing it."""
    from importlib.util import find_spec

    spec = find_spec("lark")
    try:
        status = os.stat(spec.origin if spec is not None and spec.origin else "")
    except OSError:
        return "none"
    return f"{status.st_size:x}{int(status.st_mtime):x}"


def _tables(octets: bytes) -> Tables | None:
    """Return saved tables, None for anything else."""
    from marshal import loads

    try:
        return Tables(*loads(octets))  # noqa: S302 — the file is ours alone, and whole: see private_file
    except (ValueError, TypeError, EOFError):
        return None
