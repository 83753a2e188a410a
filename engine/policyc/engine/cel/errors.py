"""What can be wrong with an expression: every code, message and hint of the checker, on one page.

`Faults` is where one expression's mistakes are reported. It knows the document path, the ERR_NGROK number for
mistakes that have none of their own, and through which lets the checker went: a mistake in a let is reported
where the let is used, with the let as a label.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from policyc.engine.cel import legacy
from policyc.engine.phases import Binding, Phase, Protocol
from policyc.engine.types import HEADERS, STRING, Record, Type, list_of, map_of
from policyc.grammar.codes import Code, declare
from policyc.grammar.diagnostic import Label, Report
from policyc.grammar.nearest import nearest
from policyc.grammar.source import Span

if TYPE_CHECKING:
    from policyc.engine.cel import ir
    from policyc.engine.cel.scope import Scope
    from policyc.engine.function import Function, Overload
    from policyc.engine.variables import Variable
    from policyc.grammar import syntax

UNKNOWN_VARIABLE = declare(
    "P0201", "unknown-variable", "there is no variable of this name",
    explanation="Expressions read variables under `conn`, `endpoint`, `req`, `res`, `time`, `vars` and "
    "`actions`, and the `let`s of the file. Names of older versions (`req.Method`) are not read any more.",
    wrong='on_http_request { when request.method == "GET" { deny } }',
    right='on_http_request { when req.method == "GET" { deny } }',
    ngrok=2200,
)  # fmt: skip
UNKNOWN_FIELD = declare(
    "P0202", "no-such-field", "the value or namespace has no such field",
    explanation="The fields of the traffic variables are known: one that is not among them is a mistake.",
    wrong='on_http_request { when req.path == "/" { deny } }',
    right='on_http_request { when req.url.path == "/" { deny } }',
    ngrok=2200,
)  # fmt: skip
UNKNOWN_FUNCTION = declare(
    "P0203", "unknown-function", "there is no function of this name",
    explanation="Only the functions and macros of the reference exist. Names are written in camel case.",
    wrong='on_http_request { when req.url.path.includes("/admin") { deny } }',
    right='on_http_request { when req.url.path.contains("/admin") { deny } }',
    ngrok=2200,
)  # fmt: skip
NO_OVERLOAD = declare(
    "P0204", "no-matching-overload", "the function or operator does not take these types",
    explanation="Types are never converted silently: a string is not compared with a number or with a list. "
    "A header has a list of values; take the first with `[0]`, or look for one with `in`.",
    wrong='on_http_request { when getReqHeader("X-Tenant") == "acme" { deny } }',
    right='on_http_request { when "acme" in getReqHeader("X-Tenant") { deny } }',
    ngrok=2200,
)  # fmt: skip
WRONG_TYPE = declare(
    "P0205", "wrong-type", "the expression has another type than its place asks for",
    explanation="A condition is true or false; other places ask for a string, a number, a list.",
    wrong="on_http_request { when req.method { deny } }",
    right='on_http_request { when req.method == "GET" { deny } }',
    ngrok=2200,
)  # fmt: skip
NO_FIELDS = declare(
    "P0206", "no-fields", "the value has no fields or no items",
    explanation="Fields are selected from maps and records, items from lists and maps.",
    wrong='on_http_request { when req.method.name == "GET" { deny } }',
    right='on_http_request { when req.method == "GET" { deny } }',
    ngrok=2200,
)  # fmt: skip
MACRO_SHAPE = declare(
    "P0207", "macro-shape", "a macro is not written as it has to be",
    explanation="`has` takes a selection; `all`, `exists`, `exists_one`, `filter`, `map` and `sortBy` take "
    "the name of a variable first and then expressions that may use it.",
    wrong='on_http_request { when req.headers["a"].exists("x", x == "y") { deny } }',
    right='on_http_request { when req.headers["a"].exists(x, x == "y") { deny } }',
    ngrok=2200,
)  # fmt: skip
NOT_IN_POLICIES = declare(
    "P0208", "not-in-policies", "CEL knows this, policies do not",
    explanation="Policies have no optional values and no two-variable macros. Ask with `has` or `in` whether "
    "something is there.",
    wrong='on_http_request { when req.headers.?a.orValue([]).size() > 0 { deny } }',
    right='on_http_request { when "a" in req.headers { deny } }',
    ngrok=2200,
)  # fmt: skip
UNSET_VAR = declare(
    "P0209", "unset-var", "nothing before this place can have set the variable",
    explanation="`vars.x` exists after a `set-vars` of the same phase has set it; until then reading it is "
    "an error at run time. `has(vars.x)` asks.",
    wrong='on_http_request { set-vars { vars: [{ tenant: "a" }] } log { metadata: { t: vars.tenent } } }',
    right='on_http_request { set-vars { vars: [{ tenant: "a" }] } log { metadata: { t: vars.tenant } } }',
    severity="warning",
)  # fmt: skip
NO_RESULT_YET = declare(
    "P0210", "no-result-yet", "no earlier action gives this result",
    explanation="`actions.ngrok.<name>` exists after that action ran; until then reading it is an error at "
    "run time.",
    wrong='on_http_request { when actions.ngrok.rate_limit.limited { deny } }',
    right='on_http_request { rate-limit "all" { algorithm: "sliding_window", capacity: 30, rate: 60s, '
    "bucket_key: [conn.client_ip] } log { metadata: { limited: actions.ngrok.rate_limit.limited } } }",
    severity="warning",
)  # fmt: skip
BAD_PATTERN = declare(
    "P0211", "bad-regular-expression", "the pattern is no regular expression",
    explanation="Patterns are in RE2 syntax, which runs in linear time: there are no look-arounds and no "
    "back-references.",
    wrong='on_http_request { when req.url.path.matches("^/(?!api)") { deny } }',
    right='on_http_request { when !req.url.path.startsWith("/api") { deny } }',
    ngrok=2200,
)  # fmt: skip
BAD_CONSTANT = declare(
    "P0212", "constant-error", "a constant cannot be converted or computed",
    explanation="The arguments are known, and the result is always an error.",
    wrong='on_http_request { when timestamp(time.now) > timestamp("tomorrow") { deny } }',
    right='on_http_request { when timestamp(time.now) > timestamp("2030-01-01T00:00:00Z") { deny } }',
    ngrok=2200,
)  # fmt: skip
BAD_CIDR = declare(
    "P0213", "bad-cidr-constant", "the range is no CIDR, so no address is in it",
    explanation="`inCidrRange` and `inCidrRanges` ignore a range that is none, which an author rarely "
    "means.",
    wrong='on_tcp_connect { when !inCidrRange(conn.client_ip, "10.0.0.0/33") { deny } }',
    right='on_tcp_connect { when !inCidrRange(conn.client_ip, "10.0.0.0/8") { deny } }',
    severity="warning",
)  # fmt: skip
NUMBER_AS_TEXT = declare(
    "P0214", "number-as-text", "a number that is text is compared as text",
    explanation="Coordinates and radii are strings: `'100' <= '5'` is true. Convert with `double()` first.",
    wrong='on_http_request { when conn.geo.radius <= "50" { deny } }',
    right='on_http_request { when conn.geo.radius != "" && double(conn.geo.radius) <= 50.0 { deny } }',
    severity="warning",
)  # fmt: skip
LEGACY_FUNCTION = declare(
    "P0215", "legacy-function", "an old name of a function",
    explanation="The function has another name today. The old one still works.",
    wrong='on_http_request { log { metadata: { a: b64.encode("x") } } }',
    right='on_http_request { log { metadata: { a: "x".encodeBase64() } } }',
    severity="warning",
)  # fmt: skip
LIST_AS_TEXT = declare(
    "P0216", "list-as-text", "a list becomes text as JSON",
    explanation="A header, a query parameter or a cookie has a list of values; put into a text it looks like "
    '`["a"]`. Take the first with `[0]`, or join them.',
    wrong='on_http_request { add-headers { headers: { "x-a": "${req.headers[\'a\']}" } } }',
    right='on_http_request { add-headers { headers: { "x-a": "${req.headers[\'a\'][0]}" } } }',
    severity="warning",
)  # fmt: skip
VARIABLE_PHASE = declare(
    "P0451", "variable-not-in-phase", "the variable does not exist in this phase",
    explanation="`req` exists in the HTTP phases, `res` from on_http_response on; on_tcp_connect sees the "
    "connection only.",
    wrong="on_http_request { when res.status_code == 200 { deny } }",
    right="on_http_response { when res.status_code == 200 { log { metadata: { ok: true } } } }",
    ngrok=2200,
)  # fmt: skip
FUNCTION_PHASE = declare(
    "P0452", "function-not-in-phase", "the function cannot be called in this phase",
    explanation="Look-ups of the request work in the HTTP phases, those of the response from "
    "on_http_response on.",
    wrong='on_tcp_connect { when hasReqHeader("a") { deny } }',
    right='on_http_request { when hasReqHeader("a") { deny } }',
    ngrok=2200,
)  # fmt: skip
NEVER_FILLED = declare(
    "P0453", "variable-not-on-endpoint", "the variable has no value on an endpoint of this kind",
    explanation="`conn.tls` says nothing on a tcp endpoint unless `terminate-tls` ran before, and on an http "
    "endpoint; `conn.k8s` says something only on endpoints with the kubernetes binding.",
    wrong='endpoint "tcp://1.tcp.example.com:443" -> "tcp://127.0.0.1:1" { '
    'on_tcp_connect { when conn.tls.sni == "a" { deny } } }',
    right='endpoint "tls://a.example.com" -> "tcp://127.0.0.1:1" { '
    'on_tcp_connect { when conn.tls.sni == "a" { deny } } }',
    severity="warning",
)  # fmt: skip
TOO_LARGE = declare(
    "P0821", "expression-too-large", "an expression is too large or too deep once its lets are put in",
    explanation="Lets are put in where they are used, so lets of lets can multiply.",
    wrong="".join(f"let a{n} = a{n + 1} || a{n + 1}\n" for n in range(15))
    + 'let a15 = req.host == "a"\non_http_request { when a0 { deny } }',
    right='let is_a = req.host == "a"\non_http_request { when is_a { deny } }',
)  # fmt: skip
TOO_NESTED = declare(
    "P0822", "comprehension-too-deep", "macros that loop stand too deep in each other",
    explanation="Each level multiplies the work, so at most four loops may stand in each other.",
    wrong="on_http_request { when [1].all(a, [1].all(b, [1].all(c, [1].all(d, [1].all(e, e == a))))) "
    "{ deny } }",
    right="on_http_request { when [1].all(a, [1].all(b, a == b)) { deny } }",
)  # fmt: skip


class Faults:
    """Where the mistakes of one expression go; `failed` tells whether there was an error."""

    __slots__ = ("_ngrok", "_path", "_report", "_through", "failed")

    def __init__(self, report: Report, path: str | None, ngrok: int | None) -> None:
        """Report to `report`."""
        self.failed = False
        self._report = report
        self._path = path
        self._ngrok = ngrok
        self._through: list[tuple[syntax.Let, Span]] = []

    @contextmanager
    def inside(self, let: syntax.Let, use: Span) -> Iterator[None]:
        """While a let is put in, its mistakes are reported at the use."""
        self._through.append((let, use))
        try:
            yield
        finally:
            self._through.pop()

    def add(
        self,
        code: Code,
        message: str,
        span: Span,
        *,
        hint: str | None = None,
        about: Span | None = None,
        **facts: object,
    ) -> None:
        """Report a mistake; inside of a let, at the place where the let is used.

        `about` is where the value in question is written, which is elsewhere if a let holds it.
        """
        labels: list[Label] = []
        if about is not None and not _is_within(about, span):
            labels.append(Label(about, "it is written here"))
        if self._through:
            labels.insert(0, Label(span, message))
            for let, use in self._through[:0:-1]:
                labels.append(Label(use, f"`{let.name}` is used here"))
            let, span = self._through[0]
            message = f"in `{let.name}`: {message}"
        ngrok = self._ngrok if code.ngrok == 2200 else code.ngrok
        self._report.add(
            code, message, span, labels=labels, hint=hint, path=self._path, ngrok=ngrok, facts=facts
        )
        if code.severity == "error":
            self.failed = True

    def add_at(self, code: Code, message: str, inner: Span, outer: Span, hint: str | None = None) -> None:
        """Report at `inner`, or at `outer` if that is elsewhere."""
        self.add(code, message, inner if _is_within(inner, outer) else outer, hint=hint, about=inner)

    # --- names ----------------------------------------------------------------------------------------------

    def unknown_variable(self, name: str, span: Span, scope: Scope) -> None:
        """`name` may be dotted; its first part is not known."""
        root = name.partition(".")[0]
        if not scope.is_traffic:
            hint = _did_you_mean(nearest(root, scope.free))
            self.add(UNKNOWN_VARIABLE, f"unknown variable `{root}`", span, hint=hint, name=name)
            return
        told = legacy.variable_hint(name, scope)
        if told is not None:
            self.add(UNKNOWN_VARIABLE, f"unknown variable `{name}`", span, hint=told, name=name)
            return
        near = nearest(root, [*scope.below(""), *scope.lets, *scope.free])
        self.add(UNKNOWN_VARIABLE, f"unknown variable `{root}`", span, hint=_did_you_mean(near), name=name)

    def unknown_field(self, path: str, rest: Sequence[syntax.Select], scope: Scope) -> None:
        """A namespace (or a text with fields) has no such field as the first of `rest`."""
        step = rest[0]
        name = f"{path}.{step.field}"
        below = scope.below(path)
        near = nearest(step.field, below)
        hint = legacy.path_hint(".".join([path, *(s.field for s in rest)]), scope)
        hint = hint or legacy.variable_hint(name, scope) or _did_you_mean(near and f"{path}.{near}")
        hint = hint or f"`{path}` has {_names(below)}"
        self.add(UNKNOWN_FIELD, f"unknown variable `{name}`", step.span, hint=hint, name=name)

    def no_such_field(self, record: Record, name: str, span: Span) -> None:
        """A record has no such field."""
        near = nearest(name, record.fields)
        hint = _did_you_mean(near) or f"its fields are {_names(n for n in record.fields if '.' not in n)}"
        self.add(UNKNOWN_FIELD, f"`{record.name}` has no field `{name}`", span, hint=hint, name=name)

    def no_fields(self, type: Type, name: str, span: Span) -> None:
        """A value of a type without fields."""
        hint = None
        if type.name == "list":
            hint = "take one item first, as in `[0]`"
        elif type == STRING and name in ("length", "size"):
            hint = "did you mean `.size()`?"
        self.add(NO_FIELDS, f"{article(type)} has no field `{name}`", span, hint=hint, type=show(type))

    def no_items(self, type: Type, span: Span) -> None:
        """A value of a type without items."""
        hint = "did you mean `.charAt(…)`?" if type == STRING else None
        self.add(NO_FIELDS, f"{article(type)} has no items", span, hint=hint, type=show(type))

    def wrong_index(self, type: Type, index: Type, span: Span) -> None:
        """An index or key of the wrong type."""
        want = "int" if type.name == "list" else show(type.params[0]) if type.params else "string"
        word = "index" if type.name == "list" else "key"
        self.add(NO_OVERLOAD, f"the {word} of {article(type)} is {a(want)}, not {article(index)}", span)

    def unknown_function(self, name: str, call: syntax.Call, scope: Scope, target: Type | None) -> None:
        """Neither a function nor a macro."""
        hint = legacy.function_hint(name, call)
        if hint is None:
            near = nearest(name, [*scope.functions, *legacy.MACROS])
            last = name.rpartition(".")[2]
            if near is None and last != name:
                near = nearest(last, scope.functions)
            hint = _did_you_mean(near)
        on = "" if target is None else f" on {article(target)}"
        self.add(UNKNOWN_FUNCTION, f"unknown function `{name}`{on}", call.function_span, hint=hint, name=name)

    # --- types ----------------------------------------------------------------------------------------------

    def no_overload(
        self,
        function: Function,
        args: Sequence[ir.Node],
        types: Sequence[Type],
        slip: str | None,
        span: Span,
        name_span: Span,
        method: bool,
        operator: bool,
    ) -> None:
        """No overload takes the arguments; `slip` says what would make one fit."""
        name = function.name
        given = ", ".join(show(t) for t in types)
        hint = _slip_hint(slip, args, name, method)
        if operator and any(t.name == "null_type" for t in types):
            hint = "nothing but dyn values, times and records is ever null; `has(…)` asks whether it is there"
        facts: dict[str, Any] = {"function": name, "types": given}
        if operator:
            sign = name.strip("_")
            if len(types) == 1:
                message = f"`{sign}` cannot be applied to {article(types[0])}"
            elif sign == "in":
                message = f"`in` cannot look for {article(types[0])} in {article(types[1])}"
            elif sign in ("==", "!="):
                message = f"{article(types[0])} cannot be compared with {article(types[1])}"
            else:
                message = f"`{sign}` cannot be applied to {show(types[0])} and {show(types[1])}"
            self.add(NO_OVERLOAD, message, span, hint=hint, **facts)
            return
        called = (
            f"{show(types[0])}.{name}({', '.join(show(t) for t in types[1:])})"
            if method
            else f"{name}({given})"
        )
        signatures = [_signature(name, o) for o in function.overloads]
        hint = (
            hint
            or f"it is {' or '.join(f'`{s}`' for s in signatures[:6])}{' …' if len(signatures) > 6 else ''}"
        )
        self.add(NO_OVERLOAD, f"there is no `{called}`", name_span, hint=hint, candidates=signatures, **facts)

    def wrong_type(self, node: ir.Node, have: Type, want: Type, span: Span) -> None:
        """The whole expression has not the type that its place asks for."""
        hint = None
        if want.name == "bool":
            what = "a condition has to be a bool"
            if have.name == "list" or have == HEADERS:
                hint = "did you mean `.size() > 0`?"
            elif have == STRING:
                hint = 'did you mean `!= ""`?'
        else:
            what = f"{article(want)} is wanted here"
            if have.name == "list" and have.params[0] == want:
                hint = "take one item, as in `[0]`"
            elif want == STRING:
                hint = "did you mean `string(…)`?"
        message = f"{what}, this is {article(have)}"
        self.add(WRONG_TYPE, message, span, hint=hint, about=node.span, type=show(have))

    def wrong_operand(self, sign: str, node: ir.Node, have: Type, span: Span) -> None:
        """An operand of a logical operator is no bool."""
        where = "the condition of `?:`" if sign == "?:" else f"`{sign}`"
        message = f"{where} wants a bool, this is {article(have)}"
        self.add(NO_OVERLOAD, message, span, about=node.span, type=show(have))

    def unlike_branches(self, yes: Type, no: Type, span: Span) -> None:
        """`a ? b : c` with branches of different types."""
        message = f"the branches of `?:` have different types: {show(yes)} and {show(no)}"
        self.add(NO_OVERLOAD, message, span, hint="did you mean `dyn(…)` around one of them?")

    def wrong_key(self, type: Type, span: Span) -> None:
        """A key of a map literal that cannot be one."""
        message = f"{article(type)} cannot be a key; a key is a string, a number without fraction or a bool"
        self.add(NO_OVERLOAD, message, span)

    def bare_key(self, name: syntax.Name) -> None:
        """`{ a: 1 }`: in CEL the key is a variable."""
        message = f"unknown variable `{name.name}` as key of a map"
        self.add(
            UNKNOWN_VARIABLE, message, name.span, hint=f'in an expression the key is quoted: `"{name.name}"`'
        )

    # --- macros ---------------------------------------------------------------------------------------------

    def macro_shape(self, message: str, span: Span, hint: str | None = None) -> None:
        """A macro is written in a wrong way."""
        self.add(MACRO_SHAPE, message, span, hint=hint)

    def cannot_loop(self, name: str, have: Type, span: Span) -> None:
        """A macro over what is neither list nor map."""
        self.add(NO_OVERLOAD, f"`{name}` goes over a list or a map, this is {article(have)}", span)

    def cannot_sort(self, key: Type, span: Span) -> None:
        """A key of `sortBy` that has no order."""
        self.add(NO_OVERLOAD, f"{article(key)} has no order, so nothing can be sorted by it", span)

    def not_in_policies(self, what: str, span: Span) -> None:
        """CEL has it, the traffic dialect does not."""
        hint = "use `has(…)` or `in` to ask whether something is there"
        if "macro" in what:
            hint = "a macro over a map goes over its keys: `m.all(k, m[k] …)`"
        self.add(NOT_IN_POLICIES, f"policies have no {what}", span, hint=hint)

    def too_large(self, span: Span) -> None:
        """Lets multiplied."""
        self.add(TOO_LARGE, "the expression is too large or too deep once its lets are put in", span)

    def too_nested(self, limit: int, span: Span) -> None:
        """Loops in loops."""
        self.add(TOO_NESTED, f"more than {limit} looping macros stand in each other", span)

    # --- places ---------------------------------------------------------------------------------------------

    def check_variable(self, path: str, variable: Variable, span: Span, scope: Scope) -> None:
        """Report a variable (or a namespace, by one of its own) that the phase or endpoint does not have."""
        if scope.phase is not None and scope.phase not in variable.phases:
            message = f"`{path}` does not exist in {scope.phase}"
            self.add(
                VARIABLE_PHASE, message, span, hint=f"it exists in {_phases(variable.phases)}", variable=path
            )
        elif f"{path}.".startswith("conn.tls.") and _has_no_tls(scope):
            if scope.acted is None or "terminate_tls" not in scope.acted:
                message = f"`{path}` is empty on {a(str(scope.protocol))} endpoint"
                hint = "it has a value after `terminate-tls`" if scope.protocol is Protocol.TCP else None
                self.add(NEVER_FILLED, message, span, hint=hint, variable=path)
        elif scope.binding is not None and scope.binding not in variable.bindings:
            message = f"`{path}` is empty on an endpoint with the {scope.binding} binding"
            hint = f"it has a value with the {Binding.KUBERNETES} binding"
            self.add(NEVER_FILLED, message, span, hint=hint, variable=path)

    def check_function(
        self, function: Function, overloads: Sequence[Overload], span: Span, scope: Scope
    ) -> None:
        """Report a function that this phase does not have, and old names."""
        if function.phases is not None and scope.phase is not None and scope.phase not in function.phases:
            message = f"`{function.name}` cannot be called in {scope.phase}"
            hint = f"it can be called in {_phases(function.phases)}"
            self.add(FUNCTION_PHASE, message, span, hint=hint, function=function.name)
        old_form = next((o.replaced_by for o in overloads if o.replaced_by), None)
        today = function.replaced_by or old_form
        if today is not None and scope.is_traffic:
            message = f"`{function.name}` is an old {'form' if old_form else 'name'}"
            self.add(LEGACY_FUNCTION, message, span, hint=f"write `{today}`", function=function.name)

    def check_made_by_policy(self, variable: Variable, name: str, expr: syntax.Expr, scope: Scope) -> None:
        """Warn of `vars.x` and `actions.ngrok.x` that nothing before can have set."""
        if variable.path == "vars" and scope.vars is not None and name not in scope.vars:
            near = nearest(name, scope.vars)
            hint = _did_you_mean(near and f"vars.{near}") or "set it with `set-vars` earlier in this phase"
            message = f"nothing before this place sets `vars.{name}`"
            self.add(UNSET_VAR, message, expr.span, hint=hint, name=name)
        if variable.path == "actions.ngrok" and scope.acted is not None and name not in scope.acted:
            record = variable.type
            if isinstance(record, Record) and name in record.fields:
                near = nearest(name, scope.acted)
                meant = _did_you_mean(near and f"actions.ngrok.{near}")
                message = f"no earlier action gives `actions.ngrok.{name}`"
                self.add(NO_RESULT_YET, message, expr.span, hint=meant, name=name)


def warn_of_list(node: ir.Node, report: Report, path: str | None) -> None:
    """Warn of a list where text is made of it (spec/variables.md §10.8)."""
    if node.type.name == "list":
        text = node.span.text
        hint = f"take one of its items, as in `{text}[0]`" if "\n" not in text else "take one of its items"
        if node.type.params[0] == STRING:
            hint += ", or join them with `.join(', ')`"
        report.add(
            LIST_AS_TEXT, f"{article(node.type)} becomes text as JSON", node.span, hint=hint, path=path
        )


# --- words --------------------------------------------------------------------------------------------------


def show(type: Type) -> str:
    """Return a type as users are told it."""
    if type == HEADERS:
        return str(map_of(STRING, list_of(STRING)))
    if isinstance(type, Record) and type.is_text:
        return "string"
    if type.name == "null_type":
        return "null"
    if type.name == "optional_type":
        return f"optional({show(type.params[0])})"
    if type.params and type.name != "param":
        return f"{type.name}({', '.join(show(p) for p in type.params)})"
    return str(type)


def a(word: str) -> str:
    """Return a word with its article."""
    if word in ("null", "bytes", "dyn"):
        return word
    return f"an {word}" if word[0] in "aeio" or word.startswith("http") else f"a {word}"


def article(type: Type) -> str:
    """Return a type with its article."""
    return a(show(type))


def _did_you_mean(word: str | None) -> str | None:
    return f"did you mean `{word}`?" if word else None


def _has_no_tls(scope: Scope) -> bool:
    """Whether connections are in clear; an internal http endpoint shows the connection of the public one."""
    if scope.protocol is Protocol.HTTP:
        return scope.binding is not Binding.INTERNAL
    return scope.protocol is Protocol.TCP


def _is_within(inner: Span, outer: Span) -> bool:
    return inner.source is outer.source and outer.start <= inner.start and inner.end <= outer.end


def _names(names: Iterable[str]) -> str:
    listed = list(names)
    shown = ", ".join(f"`{n}`" for n in listed[:12])
    return f"{shown}, …" if len(listed) > 12 else shown


def _phases(phases: Iterable[Phase]) -> str:
    names = [phase.value for phase in Phase if phase in phases]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _signature(name: str, overload: Overload) -> str:
    params = [show(p) for p in overload.params]
    if overload.method:
        return f"{params[0]}.{name}({', '.join(params[1:])})"
    return f"{name}({', '.join(params)})"


def _slip_hint(slip: str | None, args: Sequence[ir.Node], name: str, method: bool) -> str | None:
    if slip is None:
        return None
    kind, _, at = slip.rpartition(" ")
    if kind == "as":
        if at == "method":
            return f"it is called on its first argument: `x.{name}(…)`"
        return f"it is a function: `{name}(…)`"
    node = args[int(at)]
    text = node.span.text if "\n" not in node.span.text and len(node.span.text) <= 60 else None
    if kind == "item":
        if name in ("_==_", "_!=_") and text:
            other = args[1 - int(at)]
            if getattr(other, "value", None) == "":
                asked = f"{text}.size() {'==' if name == '_==_' else '>'} 0"
            else:
                asked = f"{other.span.text if len(other.span.text) <= 40 else '…'} in {text}"
                asked = asked if name == "_==_" else f"!({asked})"
            return f"it is a list: take one of its items, as in `{text}[0]`, or ask `{asked}`"
        if not text:
            return "it is a list: take one item, as in `[0]`"
        if name == "contains" and at == "0" and len(args) == 2:
            return f"it is a list: ask `{args[1].span.text} in {text}`"
        return f"it is a list: take one of its items, as in `{text}[0]`"
    value = getattr(node, "value", None)
    if kind == "unquote":
        return f"write it without quotes: `{value}`"
    if kind.startswith("convert."):
        target = kind.removeprefix("convert.")
        return f"convert it: `{target}({text})`" if text else f"convert it with `{target}(…)`"
    if kind == "double":
        return f"write it with a fraction: `{value}.0`"
    return f'write it in quotes: `"{text}"`' if text else "write it in quotes"
