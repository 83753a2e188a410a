"""Set variables of the policy's own."""

from __future__ import annotations

from policyc.engine.action import Action, Ends, Site, Step
from policyc.engine.phases import Phase
from policyc.engine.schema import Config, Entries, Items, Json, ListOf, Place, Reading, Schema, field, guarded
from policyc.engine.schema.json_value import type_of
from policyc.engine.schema.kinds import Kind, wrong_type
from policyc.engine.traffic import Exchange
from policyc.grammar import syntax
from policyc.grammar.codes import declare
from policyc.grammar.limits import DEFAULTS

ONE_NAME_EACH = declare(
    "P0365",
    "one-name-each",
    "set-vars takes a list of mappings with one name each",
    explanation="The variables are set in the order written, and a later one may read an earlier one. So "
    "they "
    "stand in a list, one name in each item.",
    wrong="on_http_request { set-vars { vars: { a: 1, b: 2 } } }",
    right="on_http_request { set-vars { vars: [{ a: 1 }, { b: 2 }] } }",
    ngrok=2252,
)
BAD_VAR_NAME = declare(
    "P0366",
    "bad-variable-name",
    "a variable has a name that expressions cannot read",
    explanation="A variable is read as `vars.name`, so its name is made of letters, digits and "
    "underscores, does "
    "not start with a digit, and is no reserved word of CEL.",
    wrong='on_http_request { set-vars { vars: [{ "my-tenant": "a" }] } }',
    right='on_http_request { set-vars { vars: [{ my_tenant: "a" }] } }',
    ngrok=2204,
)

_RESERVED = frozenset(
    {
        "false",
        "in",
        "null",
        "true",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    }
)
_ONE_EACH = "write a list of one-entry mappings, such as `vars: [{ a: 1 }, { b: 2 }]`"


class Assignment(Kind):
    """One name with its value. What follows in the phase may read it: the scope learns its type."""

    __slots__ = ("_value",)
    title = "a mapping with one name"

    def __init__(self) -> None:
        """Take any JSON value."""
        super().__init__(Json().cel)
        self._value = Json()

    def read(self, value: syntax.Value, place: Place) -> Reading | None:
        """Read an assignment, and make the name known."""
        if not isinstance(value, syntax.MapValue):
            wrong_type(self, value, place, _ONE_EACH)
            return None
        if len(value.entries) != 1:
            place.report(
                ONE_NAME_EACH,
                f"{place.name} must have exactly one name, not {len(value.entries)}",
                value.span,
                hint=_ONE_EACH,
            )
            return None
        entry = value.entries[0]
        name = entry.key.value
        here = place.entry(name)
        if not (name.isascii() and name.isidentifier()) or name in _RESERVED:
            here.report(
                BAD_VAR_NAME,
                f"`{name}` cannot be the name of a variable",
                entry.key.span,
                hint="use letters, digits and underscores, and no reserved word",
            )
            return None
        reading = self._value.read(entry.value, here)
        if reading is None:
            from policyc.engine.types import DYN

            here.site.scope.set_var(name, DYN)  # one finding is enough: reading it later is no second one
            return None
        here.site.scope.set_var(name, type_of(reading))
        return Entries({name: reading}, {name: entry.key.span}, value.span, place.path)

    def json_schema(self) -> dict[str, object]:
        """A JSON object with one property."""
        return {"type": "object", "minProperties": 1, "maxProperties": 1}


class Assignments(ListOf):
    """The list of assignments; a mapping gets the hint that people need."""

    __slots__ = ()

    def read(self, value: syntax.Value, place: Place) -> Reading | None:
        """Read the list in order."""
        if isinstance(value, syntax.MapValue):
            place.report(
                ONE_NAME_EACH, f"{place.name} must be a list, not a mapping", value.span, hint=_ONE_EACH
            )
            return None
        if isinstance(value, syntax.ListValue):
            return super().read(value, place)
        wrong_type(self, value, place, _ONE_EACH)
        return None

    def _most(self, place: Place) -> int:
        return place.site.report.limits.variables_per_action


class _AnyName(dict[str, str]):
    """Hints for fields that are no fields: here, most likely the names of variables."""

    def get(self, key: str, default: str | None = None) -> str | None:  # type: ignore[override]
        return f"variables are set in a list: `vars: [{{ {key}: … }}]`"


SCHEMA = Schema(
    field(
        "vars",
        Assignments(Assignment(), least=1, most=DEFAULTS.variables_per_action),
        "one-entry mappings of name to value, set in order; a later one may read an earlier one",
        required=True,
    ),
    hints=_AnyName(),
)


def compile_set_vars(config: Config, site: Site) -> Step:
    """Return the step: values are worked out once, in order, each seeing those before it."""
    constants: list[tuple[str, object]] = []
    assignments = []
    is_constant = True
    for item in _items(config):
        for name, reading in item.entries.items():
            if reading.is_constant:
                constants.append((name, reading.value))
            else:
                is_constant = False
            assignments.append((name, reading.reader()))

    if is_constant:

        def known(x: Exchange) -> None:
            x.vars.update(constants)

        return known

    def step(x: Exchange) -> None:
        variables = x.vars
        for name, read in assignments:
            variables[name] = read(x)

    return guarded(step)


def _items(config: Config) -> list[Entries]:
    reading = config["vars"]
    assert isinstance(reading, Items)
    return [item for item in reading.items if isinstance(item, Entries)]


ACTION = Action(
    name="set-vars",
    doc="Set variables that later expressions of the same phase read as `vars.name`. A value that is "
    "nothing but "
    "one `${…}` keeps its type.",
    schema=SCHEMA,
    phases=frozenset(Phase),
    ends=Ends.NEVER,
    compile=compile_set_vars,
    example='on_http_request { set-vars { vars: [{ tenant: req.host.split(".")[0] }, '
    '{ backend: "https://${vars.tenant}.internal" }] } }',
    source="spec/actions.md#set-vars",
)
