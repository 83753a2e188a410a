"""Policies written as text, checked or compiled: what the tests of the compiler are written with."""

from __future__ import annotations

from collections.abc import Mapping

from policyc.engine.compiler import check
from policyc.engine.compiler import compile as compile_documents
from policyc.engine.model import Program
from policyc.engine.options import Loader, Options
from policyc.engine.stages import CHECKS, Work, run_stages
from policyc.grammar.diagnostic import Diagnostic, Report
from policyc.grammar.files import read_document
from policyc.grammar.source import Source


def loader_of(files: Mapping[str, str]) -> Loader:
    """Return a loader that finds these files by name."""
    sources = {name: Source(name, text) for name, text in files.items()}
    return lambda path, _importer: sources.get(path)


def found(
    text: str,
    options: Options | None = None,
    *,
    name: str = "a.policy",
    files: Mapping[str, str] | None = None,
) -> list[Diagnostic]:
    """Return everything that check finds in a text, in order."""
    report = Report()
    document = read_document(Source(name, text), report)
    check([document], options or Options(), loader=loader_of(files or {}), report=report)
    return report.sorted()


def codes(diagnostics: list[Diagnostic]) -> list[str]:
    """Return the names of the codes."""
    return [each.code.name for each in diagnostics]


def only(diagnostics: list[Diagnostic]) -> Diagnostic:
    """Return the one finding that there is."""
    assert len(diagnostics) == 1, [(each.code.name, each.message) for each in diagnostics]
    return diagnostics[0]


def program(
    text: str,
    options: Options | None = None,
    *,
    name: str = "a.policy",
    files: Mapping[str, str] | None = None,
) -> Program:
    """Return the compiled program of a text."""
    report = Report()
    document = read_document(Source(name, text), report)
    return compile_documents([document], options or Options(), loader=loader_of(files or {}), report=report)


def work(text: str, options: Options | None = None, *, name: str = "a.policy") -> Work:
    """Return the work of the checks after they ran, with its drafts."""
    report = Report()
    made = Work([read_document(Source(name, text), report)], options or Options(), report)
    run_stages(made, CHECKS)
    return made
