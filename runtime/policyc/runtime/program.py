"""From files, or from a text, to a program that a gateway can run.

program = load_program("shop.policy", "internal.yaml")
gateway = Gateway(program)
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from policyc.engine.compiler import compile as compile_documents
from policyc.engine.endpoint_url import EndpointUrl, UrlProblem, parse_endpoint_url
from policyc.engine.errors import PolicycError
from policyc.engine.model import Program
from policyc.engine.options import DEFAULT_ACCOUNT, Options
from policyc.grammar.diagnostic import Report
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
    *paths: str | os.PathLike[str], account: str = DEFAULT_ACCOUNT, apps: Iterable[str] = ()
) -> Program:
    """Return the program that files declare together: `.policy`, YAML, JSON, agent configs.

    `apps` are the URLs of endpoints that the caller registers. Raises PolicycError with the diagnostics for
    policies that are refused, OSError for a file that cannot be read.
    """
    report = Report()
    sources = []
    for path in paths:
        with open(path, "rb") as file:
            source = decode(os.fspath(path), file.read(READ_LIMIT_BYTES), report)
        if source is not None:
            sources.append(source)
    return _compile(sources, report, account, apps)


def compile_program(
    text: str, *, filename: str = "program.policy", account: str = DEFAULT_ACCOUNT, apps: Iterable[str] = ()
) -> Program:
    """Return the program that a text declares; `filename` says its language by its ending.

    Raises PolicycError with the diagnostics for a policy that is refused.
    """
    return _compile([Source(filename, text)], Report(), account, apps)


def _compile(sources: Sequence[Source], report: Report, account: str, apps: Iterable[str]) -> Program:
    documents = [read_document(source, report) for source in sources]
    options = Options(account=account, for_run=True, registered=tuple(_endpoint(url) for url in apps))
    return compile_documents(documents, options, loader=Importer(report), report=report)


def _endpoint(url: str) -> EndpointUrl:
    parsed = parse_endpoint_url(url)
    if isinstance(parsed, UrlProblem):
        raise PolicycError(f"`{url}` is no URL of an endpoint: {parsed.message}")
    return parsed
