"""From files, or from a text, to a program that a gateway can run.

program = load_program("shop.policy", "internal.yaml")
gateway = Gateway(program)
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from policyc.engine.compiler import compile as compile_documents
from policyc.engine.endpoint_url import EndpointUrl, UrlProblem, parse_endpoint_url
from policyc.engine.errors import PolicycError
from policyc.engine.model import Program
from policyc.engine.options import DEFAULT_ACCOUNT, Loader, Options
from policyc.grammar.diagnostic import Report, Severity
from policyc.grammar.files import decode, read_document
from policyc.grammar.source import Source


class Importer:
    """Reads the files that policies import, relative to the importing one: the engine's loader.

    `report` gets what is wrong with the text of an imported file (its encoding, say).
    """

    def __init__(self, report: Report) -> None:
        """Start without any file read."""
        self._report = report

    def __call__(self, path: str, importer: Source) -> Source | None:
        """Return the source that `importer` means by `path`, None if it cannot be read."""
        name = os.path.normpath(os.path.join(os.path.dirname(importer.name), path))
        try:
            with open(name, "rb") as file:
                octets = file.read(READ_LIMIT_BYTES)
        except (OSError, ValueError):
            return None
        return decode(name, octets, self._report)


# Nothing that is longer can be a policy (grammar.files says so); reading stops soon after.
READ_LIMIT_BYTES = 16 * 1024 * 1024


def load_program(
    *paths: str | os.PathLike[str],
    account: str = DEFAULT_ACCOUNT,
    apps: Iterable[str] = (),
    cached: bool = True,
) -> Program:
    """Return the program that files declare together: `.policy`, YAML, JSON, agent configs.

    `apps` are the URLs of endpoints that the caller registers. What was compiled before and has not changed
    comes from the user's cache directory (program_cache.py), unless it is not to be `cached`. Raises
    PolicycError with the diagnostics for policies that are refused, OSError for a file that cannot be read.
    """
    report = Report()
    sources = []
    for path in paths:
        with open(path, "rb") as file:
            source = decode(os.fspath(path), file.read(READ_LIMIT_BYTES), report)
        if source is not None:
            sources.append(source)
    return build(sources, _options(account, apps), report, cached=cached).program


def compile_program(
    text: str, *, filename: str = "program.policy", account: str = DEFAULT_ACCOUNT, apps: Iterable[str] = ()
) -> Program:
    """Return the program that a text declares; `filename` says its language by its ending.

    Raises PolicycError with the diagnostics for a policy that is refused.
    """
    return build([Source(filename, text)], _options(account, apps), Report(), cached=False).program


class Built(NamedTuple):
    """A program, and how many warnings there were of it."""

    program: Program
    warnings: int


def build(sources: Sequence[Source], options: Options, report: Report, *, cached: bool) -> Built:
    """Return the program of sources, from the cache if it is there; else it is compiled and kept there.

    `report` holds what was found while reading the sources, and gets the rest if they are compiled. Raises
    PolicycError with the diagnostics for policies that are refused.
    """
    with _uncollected():
        if not cached or report.has_errors:
            return _compiled(sources, options, report, Importer(report))
        from policyc.runtime import program_cache

        known = program_cache.find(sources, options, Importer(Report()))
        if known is not None:
            return Built(*known)
        recorder = program_cache.Recorder(Importer(report))
        built = _compiled(sources, options, report, recorder)
        program_cache.keep(built.program, sources, options, recorder, built.warnings)
        return built


def _compiled(sources: Sequence[Source], options: Options, report: Report, loader: Loader) -> Built:
    documents = [read_document(source, report) for source in sources]
    program = compile_documents(documents, options, loader=loader, report=report)
    return Built(program, sum(found.severity is Severity.WARNING for found in report))


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the garbage collector away: all that is made here stays, and it would look at all of it often."""
    is_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if is_on:
            gc.enable()


def _options(account: str, apps: Iterable[str]) -> Options:
    return Options(account=account, for_run=True, registered=tuple(_endpoint(url) for url in apps))


def _endpoint(url: str) -> EndpointUrl:
    parsed = parse_endpoint_url(url)
    if isinstance(parsed, UrlProblem):
        raise PolicycError(f"`{url}` is no URL of an endpoint: {parsed.message}")
    return parsed
