"""Where a value stands in a document, and how findings about it are reported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from policyc.engine.types import Type
from policyc.grammar.codes import Code
from policyc.grammar.diagnostic import Severity
from policyc.grammar.frozen import replace
from policyc.grammar.source import Span

if TYPE_CHECKING:
    from policyc.engine.action import Site


class Place(NamedTuple):
    """A field, an item or an entry within an action's config.

    `path` is the full place (`on_http_request[0].actions[1].config.headers.x-y`), `field` the part after
    `config.`, as messages name it.
    """

    site: Site
    action: str
    path: str
    field: str

    @property
    def name(self) -> str:
        """The field in backticks, for messages."""
        return f"`{self.field}`" if self.field else f"the config of `{self.action}`"

    @property
    def keys_are_checked(self) -> bool:
        """Whether the front end has reported keys that stand twice: those of YAML and JSON do."""
        return self.site.form != "policy"

    def knowing(self, names: Mapping[str, Type]) -> Place:
        """Return the same place with further names that its expressions may read."""
        return self._replace(site=replace(self.site, scope=self.site.scope.with_free(names)))

    def entry(self, key: str) -> Place:
        """Return the place of the entry `key` of a mapping that stands here."""
        inner = f"{self.field}.{key}" if self.field else key
        return Place(self.site, self.action, f"{self.path}.{key}", inner)

    def item(self, index: int) -> Place:
        """Return the place of an item of a list that stands here."""
        return Place(self.site, self.action, f"{self.path}[{index}]", f"{self.field}[{index}]")

    def report(
        self,
        code: Code,
        message: str,
        span: Span,
        *,
        hint: str | None = None,
        ngrok: int | None = None,
        severity: Severity | None = None,
    ) -> None:
        """Report a finding about what stands here."""
        self.site.report.add(
            code,
            message,
            span,
            hint=hint,
            ngrok=ngrok,
            path=self.path,
            severity=severity,
            facts={"action": self.action, "field": self.field},
        )
