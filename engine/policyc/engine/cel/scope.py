"""What an expression may read: variables, functions, lets, and what is known of them at this place.

Two kinds, made of the same declarations: `Scope.traffic` for policies, `Scope.cel` for the specification's
own environment, with whatever variables the caller declares.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING

from policyc.engine.function import Dialect, Function
from policyc.engine.phases import Binding, Phase, Protocol
from policyc.engine.types import DYN, Record, Type
from policyc.engine.variables import VARIABLES, Variable, results_variable

if TYPE_CHECKING:
    from policyc.grammar import syntax


class Scope:
    """What an expression may read.

    `phase`, `protocol` and `binding` are None where they are not known; then nothing that needs them is
    checked. `vars` are the names that set-vars may have set before, with their types, and `acted` the result
    names (`basic_auth`) of the actions that may have run; both grow as the compiler goes through a phase.
    They are None where that is not known, and then no warning is given.

    `is_loose` (the cel environment's `disable_check`): an unknown name is dyn, and what fits nowhere fails at
    run time.
    """

    __slots__ = (
        "_functions",
        "_results",
        "acted",
        "binding",
        "container",
        "dialect",
        "free",
        "is_loose",
        "lets",
        "phase",
        "protocol",
        "vars",
    )

    def __init__(
        self,
        dialect: Dialect,
        *,
        phase: Phase | None = None,
        protocol: Protocol | None = None,
        binding: Binding | None = None,
        lets: Mapping[str, syntax.Let] | None = None,
        free: Mapping[str, Type] | None = None,
        container: str = "",
        is_loose: bool = False,
        results: Mapping[str, Record] | None = None,
    ) -> None:
        """Prefer `Scope.traffic` and `Scope.cel`."""
        self.dialect = dialect
        self.phase = phase
        self.protocol = protocol
        self.binding = binding
        self.lets: Mapping[str, syntax.Let] = lets or {}
        self.free: Mapping[str, Type] = free or {}
        self.container = container
        self.is_loose = is_loose
        self.vars: dict[str, Type] | None = None
        self.acted: set[str] | None = None
        self._results = results
        self._functions: Mapping[str, Function] | None = None

    @classmethod
    def traffic(
        cls,
        phase: Phase | None = None,
        protocol: Protocol | None = None,
        binding: Binding | None = None,
        lets: Mapping[str, syntax.Let] | None = None,
        *,
        results: Mapping[str, Record] | None = None,
        acted: Iterable[str] = (),
    ) -> Scope:
        """Return the scope of a policy's expressions in a phase, at its beginning.

        `acted` are the result names of actions that ran in earlier phases and are still visible. `results`
        are the records that actions publish; by default those of the registry. Without a phase nothing is
        known of what ran before.
        """
        scope = cls(
            Dialect.TRAFFIC, phase=phase, protocol=protocol, binding=binding, lets=lets, results=results
        )
        if phase is not None:
            scope.vars = {}
            scope.acted = set(acted)
        return scope

    @classmethod
    def cel(
        cls,
        variables: Mapping[str, Type] | None = None,
        container: str = "",
        *,
        functions: Iterable[Function] = (),
        is_loose: bool = False,
    ) -> Scope:
        """Return the specification's environment with free variables, whose names may be dotted.

        `functions` are further ones; overloads of a name that is known already are added to its own.
        """
        scope = cls(Dialect.CEL, free=variables, container=container, is_loose=is_loose)
        if functions:
            known = dict(scope.functions)
            for function in functions:
                own = known.get(function.name)
                overloads = (*(own.overloads if own else ()), *function.overloads)
                known[function.name] = Function(function.name, function.doc, overloads)
            scope._functions = known
        return scope

    def with_vars(self, variables: Mapping[str, Type], acted: Iterable[str] | None = None) -> Scope:
        """Return a copy in which these `vars` may have been set, and these actions may have run."""
        other = self.copy()
        other.vars = dict(variables)
        if acted is not None:
            other.acted = set(acted)
        return other

    def with_free(self, names: Mapping[str, Type]) -> Scope:
        """Return a copy that knows further names, which a single field brings (`attempts`)."""
        other = self.copy()
        other.free = {**self.free, **names}
        return other

    def copy(self) -> Scope:
        """Return a scope that can grow on its own."""
        other = Scope(
            self.dialect,
            phase=self.phase,
            protocol=self.protocol,
            binding=self.binding,
            lets=self.lets,
            free=self.free,
            container=self.container,
            is_loose=self.is_loose,
            results=self._results,
        )
        other._functions = self._functions
        other.vars = None if self.vars is None else dict(self.vars)
        other.acted = None if self.acted is None else set(self.acted)
        return other

    # --- what the compiler learns on its way through a phase ------------------------------------------------

    def set_var(self, name: str, type: Type) -> None:
        """Note that `vars.<name>` may hold a value of a type from here on; of two types it is dyn."""
        if self.vars is None:
            self.vars = {}
        known = self.vars.get(name)
        self.vars[name] = type if known is None or known == type else DYN

    def ran(self, result_name: str | None) -> None:
        """Note that the action that publishes under `result_name` may have run."""
        if result_name is not None:
            if self.acted is None:
                self.acted = set()
            self.acted.add(result_name)

    # --- names ----------------------------------------------------------------------------------------------

    @property
    def is_traffic(self) -> bool:
        """Whether this is a policy's environment."""
        return self.dialect is Dialect.TRAFFIC

    @property
    def functions(self) -> Mapping[str, Function]:
        """The functions by name."""
        if self._functions is None:
            from policyc.engine.functions import functions

            self._functions = functions(self.dialect)
        return self._functions

    def function(self, name: str) -> Function | None:
        """Return a function by its full name."""
        return self.functions.get(name)

    def variable(self, path: str) -> Variable | None:
        """Return the traffic variable declared at exactly this path."""
        if path == "actions.ngrok":
            return self._results_variable()
        return VARIABLES.get(path)

    def _results_variable(self) -> Variable:
        if self._results is None:
            from policyc.engine.actions import actions

            self._results = {
                action.result_name: action.result
                for action in actions().values()
                if action.result_name is not None and action.result is not None
            }
        return results_variable(self._results)

    def below(self, path: str) -> tuple[str, ...]:
        """Return the names of the variables and namespaces right below a path; below `""` the roots."""
        return tree().get(path, ())

    def is_path(self, path: str) -> bool:
        """Tell whether a path is a traffic variable or a namespace."""
        return path in VARIABLES or path in tree()

    def candidates(self, name: str) -> Iterator[str]:
        """Give the full names that a name may stand for in the container, the innermost first."""
        container = self.container
        while container:
            yield f"{container}.{name}"
            container = container.rpartition(".")[0]
        yield name


@cache
def tree() -> Mapping[str, tuple[str, ...]]:
    """Return for each namespace (and `""`) of the traffic variables the names right below it, sorted."""
    found: dict[str, set[str]] = {}
    for path in VARIABLES:
        head = ""
        for part in path.split("."):
            found.setdefault(head, set()).add(part)
            head = f"{head}.{part}" if head else part
    return {path: tuple(sorted(names)) for path, names in found.items()}
