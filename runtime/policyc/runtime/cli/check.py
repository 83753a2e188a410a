"""`policyc check FILE…`: everything that is wrong with policies, found before any traffic flows.

The files are one set: endpoints that one of them declares can be targets of another. Exit status: 0 clean
(warnings allowed), 1 errors (or, with `--strict`, warnings), 2 nothing could be judged.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, TypeVar

from policyc.runtime.cli.cost_flag import add_cost_flag
from policyc.runtime.cli.failure import CommandError
from policyc.runtime.cli.formats import FORMATS, Occasion, renderer
from policyc.runtime.cli.limit_flags import add_limit_flags, limits_from
from policyc.runtime.cli.output import note, say

if TYPE_CHECKING:
    from policyc.engine.options import Options

T = TypeVar("T")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of `check`."""
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="a policy (.policy, .yaml, .json) or agent config; - is stdin",
    )
    parser.add_argument("--format", choices=list(FORMATS), default="human", help="how findings are printed")
    parser.add_argument(
        "--endpoint", metavar="URL", help="the endpoint that a policy without one is meant for"
    )
    parser.add_argument(
        "--type",
        choices=["agent", "cloud"],
        help="of the endpoint: agent has an upstream, cloud has none and must end all its traffic",
    )
    parser.add_argument(
        "--lenient", action="store_true", help="only warn of unreachable rules and idle phases"
    )
    parser.add_argument("--strict", action="store_true", help="warnings refuse a policy as errors do")
    parser.add_argument("--target", choices=["ngrok"], help="also refuse what another system would refuse")
    add_cost_flag(parser)
    parser.add_argument(
        "--explain-plan", action="store_true", help="show what the policies become, if they have no errors"
    )
    parser.add_argument("--timings", action="store_true", help="say what each stage took, on standard error")
    parser.add_argument(
        "--color", choices=["auto", "always", "never"], default="auto", help="colour of human"
    )
    add_limit_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Check the files, print what was found, and return the exit status."""
    from policyc.engine.compiler import checked
    from policyc.grammar.diagnostic import Report, Severity
    from policyc.runtime.cli.loading import read_documents
    from policyc.runtime.cli.sources import STDIN
    from policyc.runtime.program import Importer

    if arguments.explain_plan and arguments.format != "human":
        raise CommandError(f"--explain-plan is for people: it does not go with --format {arguments.format}")
    options = _options(arguments)
    report = Report(options.limits)
    timings: list[tuple[str, float]] | None = [] if arguments.timings else None
    documents = _timed(timings, "read", lambda: read_documents(arguments.files, report))
    work = checked(
        documents,
        options,
        loader=Importer(report),
        report=report,
        clock=None if timings is None else perf_counter,
        timings=timings,
    )
    found = report.sorted()
    files = tuple(dict.fromkeys(STDIN if name == "-" else name for name in arguments.files))
    say(renderer(arguments.format)(found, Occasion(files, use_color(arguments.color))))
    if arguments.explain_plan and not report.has_errors:
        from policyc.engine.optimise.explain import explain

        say(explain(work.policies))
    for stage, seconds in timings or ():
        note(f"{seconds * 1000:9.2f} ms  {stage}")
    worst = {d.severity for d in found}
    refuses = {Severity.ERROR, Severity.WARNING} if arguments.strict else {Severity.ERROR}
    return 1 if worst & refuses else 0


def use_color(choice: str) -> bool:
    """Return whether to colour: as told, else on a terminal unless NO_COLOR is set (no-color.org)."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return sys.stdout is not None and sys.stdout.isatty()


def _options(arguments: argparse.Namespace) -> Options:
    """Return how the files are to be judged. Raises CommandError for flags that do not fit."""
    from policyc.engine.options import Options

    endpoint = None
    if arguments.endpoint is not None:
        from policyc.engine.endpoint_url import UrlProblem, parse_endpoint_url

        parsed = parse_endpoint_url(arguments.endpoint)
        if isinstance(parsed, UrlProblem):
            raise CommandError(f"--endpoint {arguments.endpoint}: {parsed.message}")
        endpoint = parsed
    return Options(
        endpoint=endpoint,
        type=arguments.type,
        lenient=arguments.lenient,
        strict=arguments.strict,
        target=arguments.target,
        cost_limit=arguments.cost_limit,
        limits=limits_from(arguments),
    )


def _timed(timings: list[tuple[str, float]] | None, stage: str, work: Callable[[], T]) -> T:
    if timings is None:
        return work()
    start = perf_counter()
    made = work()
    timings.append((stage, perf_counter() - start))
    return made
