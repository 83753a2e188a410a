"""The specification's tests as data: reading them, and what their values and types are in ours."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from policyc.engine import types
from policyc.engine.cel.times import parse_duration, parse_timestamp
from policyc.engine.function import Function, Overload
from policyc.engine.types import Type
from policyc.engine.values import Optional, TypeValue, UInt, make_map

FOLDER = Path(__file__).parents[2].parent / "shared" / "conformance" / "cel"

_EXTENSIONS = ("optionals", "macros2", "type_deduction")


class Case(NamedTuple):
    """A test: `data` is as README.md of the folder says."""

    file: str
    section: str
    name: str
    data: Mapping[str, Any]

    @property
    def key(self) -> tuple[str, str, str]:
        """What names it in exceptions.py."""
        return self.file, self.section, self.name

    @property
    def is_core(self) -> bool:
        """Whether it tests the core language."""
        return not self.file.endswith("_ext") and self.file not in _EXTENSIONS


def cases() -> list[Case]:
    """Return the tests in scope (no protocol buffers), empty where the shared folder is absent."""
    found = []
    for path in sorted(FOLDER.glob("*.json")):
        if path.name != "index.json":
            for test in json.loads(path.read_text())["tests"]:
                if not test.get("needs_proto"):
                    found.append(Case(path.stem, test["section"], test["name"], test))
    return found


def value_of(v: Mapping[str, Any]) -> Any:
    """Return the value that `V` of the README means."""
    [(kind, content)] = v.items()
    match kind:
        case "null":
            return None
        case "bool" | "string":
            return content
        case "int":
            return int(content)
        case "uint":
            return UInt(content)
        case "double":
            return float(content)
        case "bytes":
            return base64.b64decode(content)
        case "list":
            return [value_of(item) for item in content]
        case "map":
            return make_map((value_of(key), value_of(value)) for key, value in content)
        case "timestamp":
            return parse_timestamp(content)
        case "duration":
            return parse_duration(content)
        case "type":
            return TypeValue(content)
    raise AssertionError(kind)


def same(a: Any, b: Any) -> bool:
    """Return whether two values are the same, by type as well; NaN is the same as NaN."""
    if type(a) is float and type(b) is float:
        return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        left = list(a.items())
        right = list(b.items())
        return len(left) == len(right) and all(
            any(same(k, m) and same(v, w) for m, w in right) for k, v in left
        )
    if type(a) is Optional and type(b) is Optional:
        return a.present is b.present and same(a.value, b.value)
    return type(a) is type(b) and bool(a == b)


_NAMED = {
    "int": types.INT,
    "uint": types.UINT,
    "double": types.DOUBLE,
    "bool": types.BOOL,
    "string": types.STRING,
    "bytes": types.BYTES,
    "null_type": types.NULL,
    "dyn": types.DYN,
    "any": types.DYN,
    "timestamp": types.TIMESTAMP,
    "duration": types.DURATION,
    "error": types.ERROR,
}


def type_from(t: Any) -> Type:
    """Return the type that `T` of the README means."""
    if isinstance(t, str):
        return _NAMED[t]
    kind, *rest = t
    match kind:
        case "list":
            return types.list_of(type_from(rest[0]))
        case "map":
            return types.map_of(type_from(rest[0]), type_from(rest[1]))
        case "type":
            return types.type_of(type_from(rest[0]))
        case "abstract":
            return Type(rest[0], tuple(map(type_from, rest[1:])))
        case "param":
            return types.param(rest[0])
        case "wrapper":
            return Type("wrapper", (type_from(rest[0]),))
    raise AssertionError(t)


def function_from(declared: Mapping[str, Any]) -> Function:
    """Return a function that a test declares; such tests are checked, never run."""

    def body(*args: Any) -> Any:
        raise AssertionError(declared["name"])

    overloads = tuple(
        Overload(
            o["id"],
            tuple(map(type_from, o["params"])),
            type_from(o["result"]),
            body,
            method=bool(o.get("instance")),
        )
        for o in declared["function"]
    )
    return Function(declared["name"], "declared by a test", overloads)
