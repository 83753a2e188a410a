"""Random expressions of CEL as source text, with types, and random values for what they read.

Most are well typed; `dyn(…)` around an operand, missing variables, and operands out of range see to errors.
`portable` leaves out what cel-python does not have or does otherwise, see test_evaluators_reference.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from hypothesis import strategies as st

from policyc.engine import types
from policyc.engine.types import Type
from policyc.engine.values import UInt

# What the expressions of the cel environment read.
VARIABLES: Mapping[str, Type] = {
    "i": types.INT,
    "j": types.INT,
    "u": types.UINT,
    "d": types.DOUBLE,
    "s": types.STRING,
    "t": types.STRING,
    "b": types.BOOL,
    "c": types.BOOL,
    "y": types.BYTES,
    "li": types.list_of(types.INT),
    "ls": types.list_of(types.STRING),
    "m": types.map_of(types.STRING, types.INT),
    "mm": types.map_of(types.STRING, types.list_of(types.STRING)),
    "x": types.DYN,
    "z": types.DYN,
}

_TEXTS = ["", "a", "ab", "b", "é", "a.b", "x y", "10", "A"]
_INTS = [0, 1, -1, 2, 3, 7, 100, 2**62, 2**63 - 1, -(2**63)]
_DOUBLES = [0.0, 1.0, -1.5, 0.1, 3.0, 1e10]
_NAMES = ["a", "b", "ab"]


def _scalars() -> st.SearchStrategy[Any]:
    return st.one_of(
        st.none(),
        st.booleans(),
        st.sampled_from(_INTS),
        st.sampled_from([UInt(0), UInt(1), UInt(7)]),
        st.sampled_from(_DOUBLES),
        st.sampled_from(_TEXTS),
        st.sampled_from([b"", b"ab"]),
    )


def _dynamic() -> st.SearchStrategy[Any]:
    return st.recursive(
        _scalars(),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(_NAMES), inner, max_size=2)
        ),
        max_leaves=4,
    )


_OF_TYPE: Mapping[str, st.SearchStrategy[Any]] = {
    "i": st.sampled_from(_INTS),
    "j": st.integers(-5, 5),
    "u": st.sampled_from([UInt(0), UInt(3), UInt(2**64 - 1)]),
    "d": st.sampled_from(_DOUBLES),
    "s": st.sampled_from(_TEXTS),
    "t": st.sampled_from(_TEXTS),
    "b": st.booleans(),
    "c": st.booleans(),
    "y": st.sampled_from([b"", b"ab", b"\xff"]),
    "li": st.lists(st.sampled_from(_INTS), max_size=3),
    "ls": st.lists(st.sampled_from(_TEXTS), max_size=3),
    "m": st.dictionaries(st.sampled_from(_NAMES), st.sampled_from(_INTS), max_size=3),
    "mm": st.dictionaries(st.sampled_from(_NAMES), st.lists(st.sampled_from(_TEXTS), max_size=2), max_size=3),
    "x": _dynamic(),
    "z": _dynamic(),
}


@st.composite
def activations(draw: st.DrawFn, *, complete: bool = False) -> dict[str, Any]:
    """Give values for the variables; unless `complete`, some are missing."""
    values = {name: draw(strategy) for name, strategy in _OF_TYPE.items()}
    if not complete and draw(st.integers(0, 4)) == 0:
        for name in draw(st.sets(st.sampled_from(sorted(values)), max_size=2)):
            del values[name]
    return values


def quoted(text: str) -> str:
    """Return a text as a literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


class Dialect(NamedTuple):
    """What a generator may use: leaves by kind, and whether only what cel-python knows."""

    leaves: Mapping[str, list[str]]
    portable: bool = False


CEL = Dialect(
    {
        "int": ["i", "j", "0", "1", "-1", "3", "9223372036854775807"],
        "uint": ["u", "0u", "2u"],
        "double": ["d", "1.5", "0.0"],
        "string": ["s", "t", *map(quoted, _TEXTS)],
        "bool": ["b", "c", "true", "false"],
        "bytes": ["y", "b'ab'"],
        "ints": ["li", "[1, 2]", "[]"],
        "texts": ["ls", "['a', 'b']"],
        "map": ["m", "{'a': 1}"],
        "lists": ["mm"],
        "dyn": ["x", "z", "x.a", "z[0]", "dyn(1)"],
    }
)

PORTABLE = Dialect(
    {k: CEL.leaves[k] for k in ("int", "double", "string", "bool", "ints", "texts", "map")}, portable=True
)

TRAFFIC = Dialect(
    {
        "int": [
            "conn.client_port",
            "req.content_length",
            "0",
            "-1",
            "int(req.url.path)",
            "int(getReqHeader('x-a')[0])",
            "size(req.headers)",
        ],
        "uint": ["1u"],
        "double": ["1.5"],
        "string": [
            "req.method",
            "req.url.path",
            "req.url.path",
            "getReqHeader('x-a')[0]",
            "req.host",
            "req.headers['x-a'][0]",
            "req.headers['X-B'][1]",
            "req.url.query_params['q'][0]",
            "req.cookies['k'][0].value",
            "getReqCookie('k').value",
            "'GET'",
            "'/a'",
            "''",
        ],
        "bool": [
            "true",
            "false",
            "'x-a' in req.headers",
            "hasReqHeader('X-B')",
            "hasQueryParam('q')",
            "inCidrRanges(conn.client_ip, ['192.0.2.0/24', '::/0'])",
            "has(vars.v)",
            "vars.v == 'a'",
            "req.headers['x-a'].exists(h, h == 'a')",
            "req.cookies['k'].all(k, k.value != '')",
            "req.ts.body_received > timestamp(0)",
        ],
        "bytes": ["b'a'"],
        "ints": ["[1, 2]"],
        "texts": ["req.headers['x-a']", "getReqHeader('x-b')", "['a', 'GET']"],
        "map": ["{'a': 1}"],
        "lists": ["req.headers", "req.url.query_params"],
        "dyn": ["vars.v", "vars.w", "vars.l[0]", "vars.m.a"],
    }
)


class Generator:
    """Draws one expression."""

    def __init__(self, draw: st.DrawFn, dialect: Dialect) -> None:
        self.draw = draw
        self.dialect = dialect
        self.locals: list[tuple[str, str]] = []  # (name, kind)
        self.count = 0

    def of(self, kind: str, depth: int) -> str:
        """Return an expression of a kind (a type's name, or ints, texts, map, lists)."""
        known = [name for name, of in self.locals if of == kind]
        leaves = self.dialect.leaves[kind]
        if depth <= 0 or self.draw(st.integers(0, 5)) == 0:
            return self.draw(st.sampled_from([*leaves, *known, *known]))
        wrap = self.draw(st.integers(0, 11))
        if wrap == 0 and not self.dialect.portable:
            return f"dyn({self.of(kind, depth - 1)})"
        if wrap == 1:
            return f"({self.of('bool', depth - 1)} ? {self.of(kind, depth - 1)} : {self.of(kind, depth - 1)})"
        if wrap == 2 and not self.dialect.portable and "dyn" in self.dialect.leaves:
            return self.of("dyn", depth - 1) if kind != "dyn" else self.of("int", depth - 1)
        if wrap == 3 and not self.dialect.portable and self.dialect is CEL:
            other = self.draw(st.sampled_from(["int", "string", "bool", "ints"]))
            value = self.of(other, depth - 1)
            name = self.fresh()
            return f"cel.bind({name}, {value}, {self.within(kind, depth, (name, other))})"
        make: Callable[[int], str] = getattr(self, f"make_{kind}")
        return make(depth - 1)

    def fresh(self) -> str:
        """Return a new name for a local."""
        self.count += 1
        return f"v{self.count}"

    def within(self, kind: str, depth: int, *bound: tuple[str, str]) -> str:
        """Return an expression that may read further locals."""
        self.locals.extend(bound)
        text = self.of(kind, depth - 1)
        del self.locals[-len(bound) :]
        return text

    def pick(self, *templates: str) -> str:
        """Return one of the templates."""
        return self.draw(st.sampled_from(templates))

    def sums(self, *templates: str) -> tuple[str, ...]:
        """Return templates that cel-python has otherwise: what its `+` gives is no value of CEL any more."""
        return () if self.dialect.portable else templates

    def make_int(self, depth: int) -> str:
        template = self.pick(
            "<i> + <i>",
            "<i> - <i>",
            "<i> * <i>",
            "<i> / <i>",
            "<i> % 7" if self.dialect.portable else "<i> % <i>",
            "-(<i>)",
            "size(<s>)",
            "size(<l>)",
            "<m>[<s>]",
            "<m>.a",
            "<l>[<i>]",
            "int(<s>)",
        )
        return self.fill(template, depth)

    def make_uint(self, depth: int) -> str:
        return self.fill(self.pick("<u> + <u>", "<u> - <u>", "uint(<i>)", "<u> / <u>"), depth)

    def make_double(self, depth: int) -> str:
        templates = [
            "<d> + <d>",
            "<d> * <d>",
            "double(<i>)",
            *([] if self.dialect.portable else ["<d> / <d>"]),
        ]
        return self.fill(self.draw(st.sampled_from(templates)), depth)

    def make_string(self, depth: int) -> str:
        return self.fill(self.pick(*self.sums("<s> + <s>"), "<t>[<i>]", "string(<i>)", "<t>[0]"), depth)

    def make_bytes(self, depth: int) -> str:
        return self.fill(self.pick("<y> + <y>", "bytes(<s>)"), depth)

    def make_bool(self, depth: int) -> str:
        kind = self.draw(st.integers(0, 9))
        if kind == 9 and not self.dialect.portable:
            return self.fill(self.about_one(self.of("string", depth)), depth)
        if kind == 0:
            word = self.pick("all", "exists", "exists_one")
            return self.loop(word, "bool", depth)
        if kind <= 4:
            return self.fill(
                self.pick("(<b> && <b>)", "(<b> || <b>)", "(<b> && <b> && <b>)", "!(<b>)"), depth
            )
        tests = [
            "<i> < <i>",
            "<i> >= <i>",
            "<i> == <i>",
            "<s> == <s>",
            "<s> != <s>",
            "<s> < <s>",
            "<d> <= <d>",
            "<s>.startsWith(<s>)",
            "<s>.contains(<s>)",
            "<s>.endsWith(<s>)",
            "<i> in <l>",
            "<s> in <t>",
            "<s> in <m>",
            "has(<m>.a)",
            "<b> == <b>",
            "<l> == <l>",
        ]
        if not self.dialect.portable:
            tests += [
                "<x> == <x>",
                "<x> < <i>",
                "<x> in <l>",
                "has(<x>.a)",
                "<u> < <i>",
                "<i> == <x>",
                "<y> == <y>",
                "<s>.matches('^a+')",
                "<s>.matches(<s>)",
                "<m> == <m>",
                "<x> && <b>",
                "type(<x>) == int",
                "<s> in <ll>",
                "<ll>[<s>][0] == <s>",
            ]
        return "(" + self.fill(self.draw(st.sampled_from(tests)), depth) + ")"

    def about_one(self, text: str) -> str:
        """Return a template of several tests of one text: what the optimiser puts together."""
        one = f"({text})"
        return self.pick(
            f"({one} == 'a' || <b> || {one} == 'GET')",
            f"({one} == 'a' || {one} in ['/a', 'ab'])",
            f"({one} != 'a' && {one} != 'GET' && !({one} in ['ab']))",
            f"({one}.startsWith('a') || {one}.startsWith('/') || {one}.endsWith('b'))",
            f"({one}.matches('^a') || {one}.matches('b$') || {one}.matches('^ab+'))",
            f"<t>.exists(v0, v0 == {one})",
            "<t>.exists(v0, v0 == 'a' || v0 == '/a')",
            "<t>.all(v0, v0 != 'a')",
            f"(size({one}) > 0 && size(<t>) == 0)",
            f"inCidrRange({one}, '10.0.0.0/8')" if self.dialect is TRAFFIC else f"{one} in <t>",
        )

    def make_ints(self, depth: int) -> str:
        if self.draw(st.booleans()):
            return self.loop("filter" if self.dialect.portable else self.pick("map", "filter"), "ints", depth)
        return self.fill(self.pick("[<i>, <i>]", *self.sums("(<l> + <l>)")), self.inside(depth))

    def make_texts(self, depth: int) -> str:
        template = self.pick("[<s>, <s>]", *self.sums("(<t> + <t>)", "<ll>[<s>]"))
        return self.fill(template, self.inside(depth))

    def make_map(self, depth: int) -> str:
        return self.fill(self.pick("{'a': <i>}", "{'a': <i>, <s>: <i>}"), self.inside(depth))

    def inside(self, depth: int) -> int:
        """Return the depth within a list or a map: cel-python keeps an error there like a value."""
        return 0 if self.dialect.portable else depth

    def make_lists(self, depth: int) -> str:
        return self.fill(self.pick("{'a': <t>}", "{<s>: <t>}"), depth)

    def make_dyn(self, depth: int) -> str:
        template = self.pick(
            "<x>.a",
            "<x>[<i>]",
            "<x>[<s>]",
            "<x> + <x>",
            "<x> - <i>",
            "[<i>, <s>][<i>]",
            "<x>.map(<v>, <v>)",
            "size(<x>)",
            "{'a': <x>}",
            "<i>",
            "<s>",
            "[<x>]",
        )
        return self.fill(template.replace("<v>", self.fresh()), depth)

    def loop(self, word: str, made: str, depth: int) -> str:
        over_kind, item = self.draw(
            st.sampled_from([("ints", "int"), ("texts", "string"), ("map", "string")])
        )
        if made == "ints" and word == "filter":
            over_kind, item = "ints", "int"
        over = self.of(over_kind, depth - 1)
        name = self.fresh()
        body = self.within("int" if word == "map" else "bool", depth, (name, item))
        return f"{over}.{word}({name}, {body})"

    def fill(self, template: str, depth: int) -> str:
        """Put expressions into a template."""
        return re.sub(r"<(\w+)>", lambda found: self.part(_KINDS[found[1]], depth), template)

    def part(self, kind: str, depth: int) -> str:
        """Return an operand, in brackets unless it is a name."""
        text = self.of(kind, depth)
        return text if text.isidentifier() else f"({text})"


_KINDS = {
    "i": "int",
    "u": "uint",
    "d": "double",
    "s": "string",
    "b": "bool",
    "y": "bytes",
    "l": "ints",
    "t": "texts",
    "m": "map",
    "ll": "lists",
    "x": "dyn",
}


@st.composite
def expressions(draw: st.DrawFn, dialect: Dialect, kind: str | None = None) -> str:
    """Give the source of an expression, of a kind or of any."""
    chosen = kind or draw(st.sampled_from(sorted(dialect.leaves)))
    return Generator(draw, dialect).of(chosen, draw(st.integers(1, 4)))
