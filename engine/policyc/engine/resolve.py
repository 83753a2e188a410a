"""Which `let` and which `rules` a name of a file means: imports read, names collected, mistakes reported.

An import brings in what the other file itself declares, not what that file imports, nor its endpoints and
phases (design/language.md). A `let` that came from another file still means what it meant there: names that
it uses and that mean something else here (or nothing) go under a name that no author can write, `limit of
other.policy`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from policyc.engine.options import Loader
from policyc.grammar import syntax
from policyc.grammar.codes import Code, declare
from policyc.grammar.diagnostic import Label, Report
from policyc.grammar.frozen import Frozen, replace
from policyc.grammar.source import Source, Span

NAME_TWICE = declare(
    "P0280",
    "name-declared-twice",
    "two declarations of one name",
    explanation="A name means one thing in a file. Two `let`s or two `rules` of the same name, in the file "
    "itself or brought in by imports, leave open which of them is meant.",
    wrong='let office = "203.0.113.0/24"\nlet office = "198.51.100.0/24"',
    right='let office = "203.0.113.0/24"\nlet branch = "198.51.100.0/24"',
)
NAME_TAKEN = declare(
    "P0281",
    "name-taken",
    "a `let` has the name of a variable or function",
    explanation="A `let` would hide what the name means everywhere else: a variable of the traffic, a "
    "function, a macro or a type of CEL.",
    wrong="let req = true",
    right="let is_api = true",
)
LET_CYCLE = declare(
    "P0282",
    "let-cycle",
    "`let`s use each other in a circle",
    explanation="A `let` is put in where it is used. One that, directly or through others, uses itself "
    "would have no end.",
    wrong="let a = !b\nlet b = !a",
    right="let a = true\nlet b = !a",
)
UNKNOWN_RULES = declare(
    "P0283",
    "unknown-rules",
    "`use` names no rules",
    explanation="`use NAME` puts in the rules that `rules NAME { … }` declares, in this file or in one "
    "that it imports.",
    wrong="on_http_request { use hardening }",
    right="rules hardening { when req.method == 'TRACE' { deny 405 } }\non_http_request { use hardening }",
)
RULES_CYCLE = declare(
    "P0284",
    "rules-cycle",
    "`rules` use each other in a circle",
    explanation="`use` puts the rules in where it stands. Rules that, directly or through others, use "
    "themselves would have no end.",
    wrong="rules a { use b }\nrules b { use a }",
    right="rules a { use b }\nrules b { when req.method == 'TRACE' { deny 405 } }",
)
IMPORT_MISSING = declare(
    "P0285",
    "import-missing",
    "an import cannot be read",
    explanation="The path of an import is relative to the file that imports. There is no such file, or it "
    "cannot be read from here.",
    wrong='import "no-such-file.policy"',
    right='let office = ["203.0.113.0/24"]',
)
IMPORT_CYCLE = declare(
    "P0286",
    "import-cycle",
    "files import each other in a circle",
    wrong='import "b.policy"  # in a.policy, while b.policy has: import "a.policy"',
    right='import "common.policy"  # in a.policy and in b.policy',
    explanation="A file that, directly or through others, imports itself has no order in which its names "
    "could be read. What the files share belongs in a file of its own.",
)
IMPORT_KIND = declare(
    "P0287",
    "import-of-other-kind",
    "an import that is no `.policy` file",
    wrong='import "policy.yaml"',
    right='import "common.policy"',
    explanation="Only `.policy` files declare `let`s and `rules`; a YAML or JSON policy has nothing to "
    "bring in. Give it to the command beside this file instead.",
)

# Words of CEL that are neither variables nor functions of the tables.
_RESERVED = frozenset(
    {"has", "all", "exists", "exists_one", "map", "filter", "cel", "true", "false", "null", "in"}
)


class Names:
    """What the names of one file mean: its own declarations and its imports'; `owners` tell whose."""

    __slots__ = ("_closed", "document", "lets", "owners", "rule_owners", "rules", "used_rules")

    def __init__(self, document: syntax.Document) -> None:
        """Start empty."""
        self.document = document
        self.lets: dict[str, syntax.Let] = {}
        self.owners: dict[str, Names] = {}
        self.rules: dict[str, syntax.Rules] = {}
        self.rule_owners: dict[str, Names] = {}
        self.used_rules: set[str] = set()
        self._closed: Mapping[str, syntax.Let] | None = None

    @property
    def source(self) -> Source:
        """The file."""
        return self.document.source

    def scope_lets(self) -> Mapping[str, syntax.Let]:
        """Return the `let`s for a scope: each with all that it needs, under names that cannot be confused."""
        if self._closed is None:
            closed: dict[str, syntax.Let] = {}
            for name, let in self.lets.items():
                self._close(name, let, self.owners[name], closed)
            self._closed = closed
        return self._closed

    def _close(self, name: str, let: syntax.Let, owner: Names, closed: dict[str, syntax.Let]) -> None:
        if name in closed:
            return
        renamed: dict[str, str] = {}
        if owner is not self:
            for used in names_in(let.expr):
                meant = owner.lets.get(used)
                if meant is not None and self.lets.get(used) is not meant:
                    renamed[used] = f"{used} of {owner.owners[used].source.name}"
        closed[name] = let
        if name != let.name or renamed:
            expr = _renamed(let.expr, renamed) if renamed else let.expr
            closed[name] = replace(let, name=name, expr=expr)
        for used, new in renamed.items():
            self._close(new, owner.lets[used], owner.owners[used], closed)


def names_in(tree: Any) -> set[str]:
    """Return every identifier that an expression starts a path with; variables of macros are among them."""
    found: set[str] = set()
    todo = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, syntax.Name):
            found.add(node.name)
        elif isinstance(node, tuple) and not isinstance(node, Span):
            todo.extend(node)
        elif isinstance(node, Frozen):
            todo.extend(getattr(node, name) for name in node.__match_args__)
    return found


def _renamed(tree: Any, names: Mapping[str, str]) -> Any:
    """Return the expression with names exchanged, those of a macro's variables with their uses."""
    if isinstance(tree, syntax.Name):
        new = names.get(tree.name)
        return tree if new is None else replace(tree, name=new)
    if isinstance(tree, Span):
        return tree
    if isinstance(tree, tuple):
        return tuple(_renamed(item, names) for item in tree)
    if isinstance(tree, Frozen):
        changed = {name: _renamed(getattr(tree, name), names) for name in tree.__match_args__}
        return replace(tree, **changed)
    return tree


class Resolver:
    """Reads imports and collects names; every file once, whoever imports it."""

    def __init__(
        self,
        documents: Sequence[syntax.Document],
        loader: Loader | None,
        report: Report,
        read: Callable[[Source, Report], syntax.Document],
    ) -> None:
        """`read` parses an imported source."""
        self._loader = loader
        self._report = report
        self._read = read
        self._documents = {document.source.name: document for document in documents}
        self._names: dict[str, Names] = {}
        self._imports: dict[str, list[tuple[syntax.Import, syntax.Document]]] = {}

    def load(self, document: syntax.Document, trail: tuple[tuple[str, Span], ...] = ()) -> None:
        """Read everything that a document imports, and what that imports; report circles."""
        name = document.source.name
        if name in self._imports:
            return
        found = self._imports[name] = []
        for item in document.items:
            if not isinstance(item, syntax.Import):
                continue
            imported = self._imported(item, document.source)
            if imported is None:
                continue
            here = (*trail, (name, item.path.span))
            circle = [each for each, _ in here]
            if imported.source.name in circle:
                self._report_circle(imported.source.name, here)
                continue
            self.load(imported, here)
            if imported.form == "policy":
                found.append((item, imported))
            else:
                self._report.add(
                    IMPORT_KIND,
                    f"`{item.path.value}` is no `.policy` file and declares no names",
                    item.path.span,
                )

    def _imported(self, item: syntax.Import, importer: Source) -> syntax.Document | None:
        source = None if self._loader is None else self._loader(item.path.value, importer)
        if source is None:
            self._report.add(
                IMPORT_MISSING,
                f"cannot read `{item.path.value}`",
                item.path.span,
                hint="the path is relative to this file",
            )
            return None
        known = self._documents.get(source.name)
        if known is None:
            known = self._documents[source.name] = self._read(source, self._report)
        return known

    def _report_circle(self, first: str, trail: tuple[tuple[str, Span], ...]) -> None:
        start = next(i for i, (name, _) in enumerate(trail) if name == first)
        circle = trail[start:]
        shown = " → ".join([*(name for name, _ in circle), first])
        *others, (_, last) = circle
        self._report.add(
            IMPORT_CYCLE,
            f"the imports go in a circle: {shown}",
            last,
            labels=[Label(span, "on the way here") for _, span in others],
            hint="move what the files share into a file of its own",
        )

    def names(self, document: syntax.Document) -> Names:
        """Return what the names of a document mean; `load` has read its imports."""
        made = self._names.get(document.source.name)
        if made is None:
            made = self._names[document.source.name] = Names(document)
            self._collect(made)
        return made

    def _collect(self, names: Names) -> None:
        first: dict[tuple[str, str], Span] = {}
        for item in names.document.items:
            if isinstance(item, syntax.Let):
                self._declare("let", item.name, item.name_span, item.name_span, first)
                if not self._is_taken(item):
                    names.lets.setdefault(item.name, item)
                    names.owners.setdefault(item.name, names)
            elif isinstance(item, syntax.Rules):
                self._declare("rules", item.name, item.name_span, item.name_span, first)
                names.rules.setdefault(item.name, item)
                names.rule_owners.setdefault(item.name, names)
        seen: set[str] = set()
        for item, document in self._imports.get(names.source.name, ()):
            if document.source.name in seen:
                continue
            seen.add(document.source.name)
            other = self.names(document)
            for name, let in other.lets.items():
                if other.owners[name] is other:
                    self._declare("let", name, let.name_span, item.path.span, first)
                    names.lets.setdefault(name, let)
                    names.owners.setdefault(name, other)
            for name, rules in other.rules.items():
                if other.rule_owners[name] is other:
                    self._declare("rules", name, rules.name_span, item.path.span, first)
                    names.rules.setdefault(name, rules)
                    names.rule_owners.setdefault(name, other)
        self._break_circles(names)

    def _declare(
        self, kind: str, name: str, declared: Span, at: Span, first: dict[tuple[str, str], Span]
    ) -> None:
        known = first.setdefault((kind, name), declared)
        if known is declared:
            return
        labels = [Label(known, "declared here first")]
        if at is not declared:
            labels.append(Label(declared, "and here"))
        self._report.add(NAME_TWICE, f"`{kind} {name}` is declared twice", at, labels=labels)

    def _is_taken(self, let: syntax.Let) -> bool:
        what = _meaning(let.name)
        if what is None:
            return False
        self._report.add(
            NAME_TAKEN, f"`{let.name}` is {what} already", let.name_span, hint="choose another name"
        )
        return True

    def _break_circles(self, names: Names) -> None:
        """Report circles among the file's own names and make `let`s in one say nothing more."""
        lets = {name: let for name, let in names.lets.items() if names.owners[name] is names}
        uses = {name: sorted(names_in(let.expr) & lets.keys()) for name, let in lets.items()}
        for circle in circles(uses):
            self._report_names(LET_CYCLE, "`let`s", [lets[name] for name in circle])
            for name in circle:
                nothing = syntax.Literal("null", None, lets[name].expr.span)
                dyn = syntax.Call("dyn", None, (nothing,), nothing.span, nothing.span)
                names.lets[name] = replace(lets[name], expr=dyn)
        rules = {name: block for name, block in names.rules.items() if names.rule_owners[name] is names}
        uses = {
            name: [rule.name for rule in block.rules if isinstance(rule, syntax.Use) and rule.name in rules]
            for name, block in rules.items()
        }
        for circle in circles(uses):
            self._report_names(RULES_CYCLE, "rules", [rules[name] for name in circle])

    def _report_names(self, code: Code, what: str, circle: Sequence[syntax.Let | syntax.Rules]) -> None:
        shown = " → ".join(f"`{each.name}`" for each in (*circle, circle[0]))
        labels = [Label(each.name_span, "on the way round") for each in circle[1:]]
        self._report.add(code, f"the {what} go in a circle: {shown}", circle[0].name_span, labels=labels)

    def expand(
        self, rules: Iterable[syntax.Rule | syntax.Use], names: Names
    ) -> list[tuple[syntax.Rule, tuple[syntax.Use, ...], Names]]:
        """Return rules with uses put in: each with the uses that led to it and its file's names."""
        out: list[tuple[syntax.Rule, tuple[syntax.Use, ...], Names]] = []
        self._expand(rules, names, (), (), out)
        return out

    def _expand(
        self,
        rules: Iterable[syntax.Rule | syntax.Use],
        names: Names,
        uses: tuple[syntax.Use, ...],
        inside: tuple[syntax.Rules, ...],
        out: list[tuple[syntax.Rule, tuple[syntax.Use, ...], Names]],
    ) -> None:
        for rule in rules:
            if isinstance(rule, syntax.Rule):
                out.append((rule, uses, names))
                continue
            block = names.rules.get(rule.name)
            if block is None:
                self._report_unknown(rule, names)
                continue
            if block in inside:
                continue  # a circle, reported where the rules are declared
            owner = names.rule_owners[rule.name]
            names.used_rules.add(rule.name)
            owner.used_rules.add(rule.name)
            self._expand(block.rules, owner, (*uses, rule), (*inside, block), out)

    def _report_unknown(self, use: syntax.Use, names: Names) -> None:
        from policyc.grammar.nearest import nearest

        near = nearest(use.name, names.rules)
        hint = f"did you mean `{near}`?" if near else f"declare them: `rules {use.name} {{ … }}`"
        self._report.add(UNKNOWN_RULES, f"there are no rules `{use.name}`", use.name_span, hint=hint)


def _meaning(name: str) -> str | None:
    """Return what a name means in policies without any `let`; None if nothing."""
    from policyc.engine.cel.scope import Scope

    scope = Scope.traffic()
    if scope.is_path(name):
        return "a variable"
    if name in _RESERVED:
        return "a word of CEL"
    if any(known == name or known.startswith(f"{name}.") for known in scope.functions):
        return "a function"
    return None


def circles(edges: Mapping[str, Sequence[str]]) -> list[tuple[str, ...]]:
    """Return the circles of a graph, each once, from its first member in the order of `edges`.

    A node that stands in several circles is given in one of them; every group that has a circle gives one.
    """
    found: list[tuple[str, ...]] = []
    done: set[str] = set()
    for start in edges:
        if start in done:
            continue
        path: list[str] = []
        place: dict[str, int] = {}
        stack = [iter([start])]
        while stack:
            step = next(stack[-1], None)
            if step is None:
                stack.pop()
                if path:
                    done.add(path[-1])
                    del place[path.pop()]
            elif step in place:
                circle = tuple(path[place[step] :])
                if not any(set(circle) & set(known) for known in found):
                    found.append(circle)
            elif step not in done:
                place[step] = len(path)
                path.append(step)
                stack.append(iter(edges.get(step, ())))
    return found
