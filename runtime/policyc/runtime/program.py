"""From files, or from a text, to a program that a gateway can run.

program = load_program("shop.policy", "internal.yaml")
gateway = Gateway(program)
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from policyc.engine.compiler import compile as compile_documents
from policyc.engine.endpoint_url import EndpointUrl, UrlProblem, parse_endpoint_url
from policyc.engine.errors import PolicycError
from policyc.engine.model import Program
from policyc.engine.options import DEFAULT_ACCOUNT, Options
from policyc.grammar.diagnostic import Report, Severity
from policyc.grammar.files import decode, read_document
from policyc.grammar.source import Source
from policyc.runtime.stamp import Seen, stamp_of

if TYPE_CHECKING:
    from policyc.runtime.parcel import Parcel
    from policyc.runtime.program_cache import Recorder


class Importer:
    """Reads the files that policies import, relative to the importing one: the engine's loader.

    `report` gets what is wrong with the text of an imported file (its encoding, say), `seen` every file that
    was looked for.
    """

    def __init__(self, report: Report, seen: Seen | None = None) -> None:
        """Start without any file read."""
        self._report = report
        self._seen = {} if seen is None else seen

    def __call__(self, path: str, importer: Source) -> Source | None:
        """Return the source that `importer` means by `path`, None if it cannot be read."""
        name = os.path.normpath(os.path.join(os.path.dirname(importer.name), path))
        try:
            with open(name, "rb") as file:
                self._seen[name] = stamp_of(os.fstat(file.fileno()))
                octets = file.read(READ_LIMIT_BYTES)
        except (OSError, ValueError):
            self._seen[name] = None
            return None
        return decode(name, octets, self._report)


# Nothing that is longer can be a policy, whatever limits were chosen (grammar.limits): reading stops here.
READ_LIMIT_BYTES = 16 * 1024 * 1024 + 1


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
    """A program, how many warnings there were of it, and the digest of its sources."""

    program: Program
    warnings: int
    digest: str


def build(
    sources: Sequence[Source], options: Options, report: Report, *, cached: bool, seen: Seen | None = None
) -> Built:
    """Return the program of sources, from the cache if it is there; else it is compiled and kept there.

    `report` holds what was found while reading the sources, and gets the rest if they are compiled; `seen`
    gets the files that they import. Raises PolicycError with the diagnostics for policies that are refused.
    """
    with uncollected():
        known = cached_build(sources, options, report, seen) if cached else None
        if known is not None:
            return known
        compiled = _compile(sources, options, report, seen)
        if cached:
            from policyc.engine.image.writing import Unsaved

            with suppress(Unsaved):
                compiled.keep()
        return compiled.built


def cached_build(
    sources: Sequence[Source], options: Options, report: Report, seen: Seen | None = None
) -> Built | None:
    """Return the program of sources if it is in the cache; nothing is compiled."""
    from policyc.engine.image.reading import Unreadable

    with uncollected():
        known = _find(sources, options, report, seen)
        if known is None:
            return None
        try:
            return Built(known.load(), known.warnings, known.digest)
        except Unreadable:
            return None


def build_parcel(
    sources: Sequence[Source], options: Options, report: Report, seen: Seen | None = None
) -> Parcel:
    """Return the program of sources for another process: as `build` does, but it is not loaded here.

    Raises PolicycError, and `engine.image.writing.Unsaved` for a program that cannot be handed on.
    """
    with uncollected():
        known = _find(sources, options, report, seen)
        return known if known is not None else _compile(sources, options, report, seen).keep()


def _find(sources: Sequence[Source], options: Options, report: Report, seen: Seen | None) -> Parcel | None:
    from policyc.runtime import program_cache

    if report.has_errors:
        return None
    return program_cache.find(sources, options, Importer(Report(options.limits), seen))


class _Compiled(NamedTuple):
    """What was compiled just now."""

    built: Built
    sources: Sequence[Source]
    options: Options
    recorder: Recorder

    def keep(self) -> Parcel:
        """Put it into the cache, if that can be written, and return it as octets. Raises Unsaved."""
        from policyc.runtime import program_cache
        from policyc.runtime.parcel import pack

        program, warnings, _ = self.built
        parcel = pack(program, self.recorder.every(self.sources), warnings)
        program_cache.keep(parcel, self.sources, self.options, self.recorder)
        return parcel


def _compile(sources: Sequence[Source], options: Options, report: Report, seen: Seen | None) -> _Compiled:
    from policyc.runtime.parcel import digest_of
    from policyc.runtime.program_cache import Recorder

    recorder = Recorder(Importer(report, seen))
    documents = [read_document(source, report) for source in sources]
    program = compile_documents(documents, options, loader=recorder, report=report)
    warnings = sum(found.severity is Severity.WARNING for found in report)
    digest = digest_of(source.text for source in recorder.every(sources))
    return _Compiled(Built(program, warnings, digest), sources, options, recorder)


@contextmanager
def uncollected() -> Iterator[None]:
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
