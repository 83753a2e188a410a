"""The two entrances of the compiler: `check` gives findings, `compile` a program that runs.

Both run the same stages, so that what `check` accepts `compile` compiles; only what this installation cannot
execute is a hint to one (unless `Options.for_run`) and an error to the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from policyc.engine.errors import PolicycError
from policyc.engine.options import Loader, Options
from policyc.engine.stages import CHECKS, STAGES, Clock, Work, run_stages
from policyc.grammar.diagnostic import Report
from policyc.grammar.frozen import replace
from policyc.grammar.syntax import Document

if TYPE_CHECKING:
    from policyc.engine.model import Program

_DEFAULTS = Options()


def check(
    documents: Sequence[Document],
    options: Options = _DEFAULTS,
    *,
    loader: Loader | None = None,
    report: Report | None = None,
    clock: Clock | None = None,
    timings: list[tuple[str, float]] | None = None,
) -> Report:
    """Return everything that can be found in the documents.

    `report` is that of their parsing, and gets the rest; `loader` reads the files that they name. With a
    `clock` (monotonic seconds), `timings` gets the name and duration of each stage.
    """
    return checked(documents, options, loader=loader, report=report, clock=clock, timings=timings).report


def checked(
    documents: Sequence[Document],
    options: Options = _DEFAULTS,
    *,
    loader: Loader | None = None,
    report: Report | None = None,
    clock: Clock | None = None,
    timings: list[tuple[str, float]] | None = None,
) -> Work:
    """Return what `check` found together with what it made of the documents."""
    work = Work(documents, options, Report(options.limits) if report is None else report, loader)
    run_stages(work, CHECKS, clock)
    if timings is not None:
        timings.extend(work.timings)
    return work


def compile(  # the name that callers look for
    documents: Sequence[Document],
    options: Options = _DEFAULTS,
    *,
    loader: Loader | None = None,
    report: Report | None = None,
) -> Program:
    """Return the program that the documents declare; what cannot be executed is an error, as for a run.

    Raises PolicycError with the diagnostics if there are errors (or, with `Options.strict`, warnings).
    """
    options = options if options.for_run else replace(options, for_run=True)
    work = Work(documents, options, Report(options.limits) if report is None else report, loader)
    run_stages(work, STAGES)
    if work.program is None:
        raise PolicycError("the policy does not compile", tuple(work.report.sorted()))
    return work.program
