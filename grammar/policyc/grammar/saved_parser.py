"""The parser of policy.lark, kept between processes.

Building the parser takes about as long again as importing Lark, loading a saved one a few milliseconds. The
saved one is data (JSON, no pickle) in the user's cache directory, under a name that tells grammar, Lark and
Python apart. Whatever is wrong with the file or the directory, the parser is built anew and nobody is told.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.abc import FileLoader

    from lark import Lark

START = ("file", "expression")
_FORMAT = 2


def load_parser(builder: object) -> Lark:
    """Return a parser whose reductions call the methods of `builder`."""
    import lark

    grammar = grammar_text()
    path = cache_path(grammar, lark.__version__)
    data = None if path is None else _read(path)
    if data is not None:
        try:
            return _revive(data, builder)
        except Exception:  # noqa: S110 — a damaged or foreign file may fail anywhere inside Lark; it is rebuilt
            pass
    data = _serialise(grammar)
    if path is not None:
        _write(path, data)
    return _revive(data, builder)


def grammar_text() -> str:
    """Return policy.lark (by the module's own loader: `importlib.resources` alone imports for 10 ms)."""
    path = os.path.join(os.path.dirname(__file__), "policy.lark")
    loader = cast("FileLoader", sys.modules[__name__].__loader__)
    return loader.get_data(path).decode()


def cache_path(grammar: str, lark_version: str) -> str | None:
    """Return where the saved parser of this grammar lies, or None where there is no place for it."""
    from zlib import crc32

    if sys.platform == "win32":
        root = os.environ.get("LOCALAPPDATA")
    else:
        root = os.environ.get("XDG_CACHE_HOME")
    if not root or not os.path.isabs(root):
        home = os.path.expanduser("~")
        if not os.path.isabs(home):  # no home directory
            return None
        root = os.path.join(home, ".cache")
    octets = grammar.encode()
    key = f"{crc32(octets):08x}{len(octets):x}-{lark_version}-{sys.implementation.cache_tag}-{_FORMAT}"
    return os.path.join(root, "policyc", f"grammar-{key}.json")


def _checksum(body: bytes) -> bytes:
    """Tell a file that was cut short or changed: a table with a hole fails only while parsing."""
    from zlib import crc32

    return b"%08x" % crc32(body)


def _serialise(grammar: str) -> dict[str, Any]:
    from lark import Lark
    from lark.grammar import Rule
    from lark.lexer import TerminalDef

    parser = Lark(grammar, parser="lalr", lexer="contextual", start=list(START), maybe_placeholders=False)
    data, memo = parser.memo_serialize([TerminalDef, Rule])
    data["options"] = {
        k: v for k, v in data["options"].items() if k in ("parser", "lexer", "start", "maybe_placeholders")
    }
    return {"data": data, "memo": memo}


def _revive(saved: dict[str, Any], builder: object) -> Lark:
    from lark import Lark

    revive: Callable[..., Lark] = Lark._load_from_dict
    return revive(saved["data"], saved["memo"], transformer=builder)


def _read(path: str) -> dict[str, Any] | None:
    import json

    try:
        with open(path, "rb") as file:
            checksum, _, body = file.read().partition(b"\n")
        if checksum != _checksum(body):
            return None
        saved = json.loads(body)
        saved["memo"] = {int(k): v for k, v in saved["memo"].items()}
        table = saved["data"]["parser"]["parser"]
        table["tokens"] = {int(k): v for k, v in table["tokens"].items()}
        table["states"] = {
            int(state): {int(token): tuple(action) for token, action in actions.items()}
            for state, actions in table["states"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return saved  # type: ignore[no-any-return]


def _write(path: str, data: dict[str, Any]) -> None:
    """Put the file in place in one step, so that nobody reads half of it."""
    import json
    import tempfile

    try:
        directory = os.path.dirname(path)
        os.makedirs(directory, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=directory, prefix=".grammar-")
    except OSError:
        return
    try:
        body = json.dumps(data, separators=(",", ":")).encode()
        with os.fdopen(handle, "wb") as file:
            file.write(_checksum(body) + b"\n" + body)
        os.replace(temporary, path)
    except (OSError, TypeError, ValueError):
        try:
            os.unlink(temporary)
        except OSError:
            return
