"""From the names of files to documents; what is wrong with a text is reported, a name that fails is not."""

from __future__ import annotations

from collections.abc import Sequence

from policyc.grammar import syntax
from policyc.grammar.diagnostic import Report
from policyc.runtime.cli.sources import read_all


def read_documents(names: Sequence[str], report: Report) -> list[syntax.Document]:
    """Return the documents of the files that could be read as such; the faults of the others are reported.

    Raises CommandError where a file cannot be opened.
    """
    from policyc.grammar.files import read_document

    return [read_document(source, report) for source in read_all(names, report)]
