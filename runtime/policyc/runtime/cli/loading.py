"""From the names of files to documents, with the loader that reads what they import."""

from __future__ import annotations

import os
from collections.abc import Sequence

from policyc.grammar import syntax
from policyc.grammar.diagnostic import Report
from policyc.grammar.source import Source
from policyc.runtime.cli.sources import STDIN, read_all


def read_documents(names: Sequence[str], report: Report) -> list[syntax.Document]:
    """Return the documents of the files that could be read as such; the faults of the others are reported.

    Raises CommandError where a file cannot be opened.
    """
    from policyc.grammar.files import read_document

    return [read_document(source, report) for source in read_all(names, report)]


class Importer:
    """Reads the files that policies import, relative to the importing one: the engine's loader.

    `report` gets what is wrong with the text of an imported file (its encoding, say).
    """

    def __init__(self, report: Report) -> None:
        """Start without any file read."""
        self._report = report

    def __call__(self, path: str, importer: Source) -> Source | None:
        """Return the source that `importer` means by `path`, None if it cannot be read."""
        from policyc.grammar.files import decode
        from policyc.runtime.cli.sources import octets_of

        folder = "" if importer.name == STDIN else os.path.dirname(importer.name)
        name = os.path.normpath(os.path.join(folder, path))
        try:
            return decode(name, octets_of(name), self._report)
        except (OSError, ValueError):
            return None
