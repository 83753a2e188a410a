"""The exception of the API: what a caller did cannot work, and the diagnostics say why."""

from __future__ import annotations

from policyc.grammar.diagnostic import Diagnostic, Severity


class PolicycError(Exception):
    """A policy that does not compile, or an API used in a way that it forbids.

    `diagnostics` are the findings, sorted; the message shows the first error and how many there are.
    """

    def __init__(self, message: str, diagnostics: tuple[Diagnostic, ...] = ()) -> None:
        """Make the error; with diagnostics its text names the places."""
        errors = [found for found in diagnostics if found.severity is Severity.ERROR]
        if errors:
            first = errors[0]
            where = f"{first.span.source.name}:{first.span.line}:{first.span.column}"
            more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
            message = f"{message}: {where}: {first.message} [{first.code.id}]{more}"
        super().__init__(message)
        self.diagnostics = diagnostics
