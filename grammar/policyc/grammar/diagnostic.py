"""What `check` reports: values that are collected and sorted, never raised and never printed here."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from policyc.grammar.codes import Code
from policyc.grammar.frozen import Frozen
from policyc.grammar.limits import DEFAULTS, Limits
from policyc.grammar.source import Span

_NO_FACTS: Mapping[str, object] = MappingProxyType({})


class Severity(enum.StrEnum):
    """How bad it is: an error refuses the policy, a warning and a hint do not."""

    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"


class Label(NamedTuple):
    """A second place that belongs to a diagnostic, with a remark."""

    span: Span
    message: str


class Diagnostic(Frozen):
    """One finding.

    `message` is lower case without a full stop and quotes the user's own words in backticks; `hint` says what
    to do; `path` is the place in the document's own terms (`on_http_request[0].actions[1].config.url`), None
    where there is none; `facts` are the values the message was made of; `ngrok` is the ERR_NGROK number.
    """

    code: Code
    severity: Severity
    message: str
    span: Span
    labels: tuple[Label, ...] = ()
    hint: str | None = None
    path: str | None = None
    ngrok: int | None = None
    facts: Mapping[str, object] = _NO_FACTS


class Report:
    """Collects diagnostics; the same finding at the same place is kept once.

    `limits` are those of the documents that it is about: what exceeds one is found by whoever reports here.
    """

    __slots__ = ("_found", "_seen", "limits")

    def __init__(self, limits: Limits = DEFAULTS) -> None:
        """Start empty."""
        self.limits = limits
        self._found: list[Diagnostic] = []
        self._seen: set[tuple[str, str, int, int, str]] = set()

    def add(
        self,
        code: Code,
        message: str,
        span: Span,
        *,
        severity: Severity | None = None,
        labels: Iterable[Label] = (),
        hint: str | None = None,
        path: str | None = None,
        ngrok: int | None = None,
        facts: Mapping[str, object] | None = None,
    ) -> None:
        """Record a finding; severity and ERR_NGROK number are the code's own unless given."""
        self.append(
            Diagnostic(
                code,
                severity or Severity(code.severity),
                message,
                span,
                tuple(labels),
                hint,
                path,
                code.ngrok if ngrok is None else ngrok,
                facts or _NO_FACTS,
            )
        )

    def append(self, diagnostic: Diagnostic) -> None:
        """Record a diagnostic that is already made."""
        span = diagnostic.span
        key = (diagnostic.code.id, span.source.name, span.start, span.end, diagnostic.message)
        if key not in self._seen:
            self._seen.add(key)
            self._found.append(diagnostic)

    def extend(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Record several."""
        for diagnostic in diagnostics:
            self.append(diagnostic)

    @property
    def has_errors(self) -> bool:
        """Whether anything recorded refuses the policy."""
        return any(d.severity is Severity.ERROR for d in self._found)

    def sorted(self) -> list[Diagnostic]:
        """Return the findings by source (in the order first met), then by place, then by code."""
        order: dict[str, int] = {}
        for found in self._found:
            order.setdefault(found.span.source.name, len(order))
        return sorted(
            self._found, key=lambda d: (order[d.span.source.name], d.span.start, d.span.end, d.code.id)
        )

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)
