"""What an action is: one declaration per file in `actions/`, from which checks.

Docs and the registry derive.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from policyc.engine.outcome import Outcome, TlsTerms
from policyc.engine.phases import Binding, Phase, Protocol
from policyc.engine.traffic import Exchange
from policyc.engine.types import Record
from policyc.grammar import syntax
from policyc.grammar.diagnostic import Report
from policyc.grammar.frozen import Frozen

if TYPE_CHECKING:
    from policyc.engine.cel.scope import Scope
    from policyc.engine.schema import Config, Schema

Step = Callable[[Exchange], Outcome | None]
Form = Literal["policy", "yaml", "json", "agent"]


class Ends(enum.Enum):
    """Whether an action ends its phase (spec/actions.md §6, row 1).

    Only ALWAYS makes later rules unreachable.
    """

    ALWAYS = "always"
    MAY = "may"
    NEVER = "never"


class Site(Frozen):
    """Where an action stands, as far as it is known, and where to report.

    `path` is the action's place in the document. `key` is a stable name of the position (endpoint, phase,
    rule, action) for state that outlives a request. `protocol`, `binding`, `host` and `is_cloud` (a cloud
    endpoint: no upstream) are None where the endpoint is not known. `form` tells which front end read the
    action: a string in a `.policy` file is always a template, in YAML and JSON the field says what it is.
    """

    phase: Phase
    scope: Scope
    report: Report
    path: str
    key: str = ""
    protocol: Protocol | None = None
    binding: Binding | None = None
    is_cloud: bool | None = None
    form: Form = "yaml"
    host: str | None = None


class Action(Frozen):
    """An action type.

    `ends` may depend on the config (forward-internal's `on_error`). `result` is the record under
    `actions.ngrok.<result_name>`. `compile` makes the step from a config without errors; None while the
    runtime cannot execute the action. `resumes`: a step may answer an outcome that carries `resume`. `check`
    reports what single fields cannot say. `authenticates`: see 2239. `unavailable` says why this installation
    cannot run an action of this config, None if it can. `handshake` gives what is known beforehand of the TLS
    handshakes that it asks for, None if that is nothing.
    """

    name: str
    doc: str
    schema: Schema
    phases: frozenset[Phase]
    ends: Ends | Callable[[Config], Ends]
    example: str
    source: str
    result: Record | None = None
    result_name: str | None = None
    compile: Callable[[Config, Site], Callable[..., Outcome | None]] | None = None
    check: Callable[[Config, Site], None] | None = None
    protocols: frozenset[Protocol] = frozenset(Protocol)
    aliases: tuple[str, ...] = ()
    authenticates: bool = False
    resumes: bool = False
    unavailable: Callable[[Config], str | None] | None = None
    handshake: Callable[[Config], TlsTerms | None] | None = None

    def ends_with(self, config: Config) -> Ends:
        """Return whether the action ends its phase with this config."""
        return self.ends if isinstance(self.ends, Ends) else self.ends(config)

    def read(self, node: syntax.Action, site: Site) -> Config | None:
        """Check an action's fields against the schema; None if errors were reported."""
        return self.schema.read(node, site)
