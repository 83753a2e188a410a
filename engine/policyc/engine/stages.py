"""The compiler as a list of named stages. Read `STAGES` from top to bottom: that is the compiler.

Every stage adds to the `Work` and reports to its report; none stops at a mistake, so that one run finds all
that can be found. `needs` names the stages whose results a stage reads: the order of the list satisfies it,
and a test runs every prefix of the list.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from policyc.engine.draft import DraftEndpoint, DraftPolicy
from policyc.engine.options import Loader, Options
from policyc.engine.resolve import Names, Resolver
from policyc.grammar.diagnostic import Report
from policyc.grammar.source import Source
from policyc.grammar.syntax import Document

if TYPE_CHECKING:
    from policyc.engine.model import Program

Clock = Callable[[], float]


class Work:
    """What goes through the stages: the documents, what was made of them, and what was found."""

    def __init__(
        self,
        documents: Sequence[Document],
        options: Options,
        report: Report,
        loader: Loader | None = None,
    ) -> None:
        """Begin with parsed documents; `report` may hold what parsing found."""
        self.documents = tuple(documents)
        self.options = options
        self.report = report
        self.loader = loader
        self.read: dict[str, Document] = {}
        self.resolver = Resolver(documents, loader, report, self.parse)
        self.names: list[Names] = []
        self.policies: list[DraftPolicy] = []
        self.endpoints: list[DraftEndpoint] = []
        self.program: Program | None = None
        self.timings: list[tuple[str, float]] = []

    def parse(self, source: Source, report: Report) -> Document:
        """Parse a file that another one names; each is read once."""
        from policyc.grammar.files import read_document

        known = self.read.get(source.name)
        if known is None:
            known = self.read[source.name] = read_document(source, report)
        return known


class Stage(NamedTuple):
    """A stage: `run` does it, `needs` are the stages before it that it reads, `why` is why it is there."""

    name: str
    run: Callable[[Work], None]
    needs: tuple[str, ...]
    why: str


def _imports(work: Work) -> None:
    for document in work.documents:
        work.resolver.load(document)


def _names(work: Work) -> None:
    work.names = [work.resolver.names(document) for document in work.documents]


def _lower(work: Work) -> None:
    from policyc.engine.lower import Lowering

    lowering = Lowering(work.options, work.resolver, work.report, work.loader, work.parse)
    for document in work.documents:
        lowering.document(document)
    work.policies, work.endpoints = lowering.policies, lowering.endpoints


def _phases(work: Work) -> None:
    from policyc.engine.checks.phases import check_phases

    check_phases(work.policies, work.options, work.report)


def _limits(work: Work) -> None:
    from policyc.engine.checks.limits import check_limits

    check_limits(work.policies, work.report)


def _actions(work: Work) -> None:
    from policyc.engine.checks.actions import check_actions

    check_actions(work.policies, work.report)


def _types(work: Work) -> None:
    from policyc.engine.typed import type_policies

    type_policies(work.policies, work.report)


def _unused(work: Work) -> None:
    if any(names.lets or names.rules for names in work.names):
        from policyc.engine.typed import type_unused

        type_unused(work.names, work.report)


def _flow(work: Work) -> None:
    from policyc.engine.checks.flow import check_constants, check_ends, check_reach

    check_reach(work.policies, work.options, work.report)
    check_constants(work.policies, work.report)
    check_ends(work.policies, work.report)


def _authentication(work: Work) -> None:
    from policyc.engine.checks.authentication import check_authentication

    check_authentication(work.policies, work.report)


def _order(work: Work) -> None:
    from policyc.engine.checks.order import check_order

    check_order(work.policies, work.report)


def _ai_gateway(work: Work) -> None:
    from policyc.engine.checks.ai_gateway import check_ai_gateway

    check_ai_gateway(work.policies, work.report)


def _endpoints(work: Work) -> None:
    if work.endpoints:
        from policyc.engine.checks.endpoints import check_endpoints

        check_endpoints(work.endpoints, work.report)


def _forwards(work: Work) -> None:
    if work.endpoints or work.options.endpoint is not None:
        from policyc.engine.checks.forwards import check_forwards

        check_forwards(work.policies, work.endpoints, work.options, work.report)


def _cost(work: Work) -> None:
    from policyc.engine.checks.cost import check_cost

    check_cost(work.policies, work.options, work.report)


def _hazards(work: Work) -> None:
    from policyc.engine.checks.hazards import check_hazards

    check_hazards(work.policies, work.report)


def _target(work: Work) -> None:
    if work.options.target is not None:
        from policyc.engine.checks.target import check_target

        check_target(work.policies, work.endpoints, work.options, work.report)


def _availability(work: Work) -> None:
    from policyc.engine.checks.availability import check_availability

    check_availability(work.policies, work.endpoints, work.options, work.report)


def _generate(work: Work) -> None:
    if work.report.has_errors or (
        work.options.strict and any(found.severity == "warning" for found in work.report)
    ):
        return
    from policyc.engine.assemble import assemble

    sources = [document.source for document in (*work.documents, *work.read.values())]
    work.program = assemble(work.policies, work.endpoints, sources, optimised=work.options.optimised)


STAGES: tuple[Stage, ...] = (
    Stage("imports", _imports, (), "what other files declare must be read before names can be looked up"),
    Stage("names", _names, ("imports",), "what each name of a file means, before anything uses one"),
    Stage("lower", _lower, ("names",), "uses put in, legacy names translated, endpoints read: the model"),
    Stage(
        "phases", _phases, ("lower",), "whether the endpoints have the phases; all else is judged per phase"
    ),
    Stage("limits", _limits, ("lower",), "how large the phases became"),
    Stage(
        "actions",
        _actions,
        ("lower",),
        "types of actions looked up: their schemas decide how configs are read",
    ),
    Stage("types", _types, ("actions",), "conditions and configs, in the order in which they will run"),
    Stage("unused", _unused, ("lower", "types"), "what nothing uses is checked as far as it goes"),
    Stage("flow", _flow, ("types",), "what can never run or never end: needs constants and configs"),
    Stage("authentication", _authentication, ("actions",), "two authentications in one phase"),
    Stage("order", _order, ("types",), "actions that stand before or behind others in vain"),
    Stage("ai-gateway", _ai_gateway, ("actions",), "two of them in one policy"),
    Stage("endpoints", _endpoints, ("lower",), "whether endpoints can be served side by side"),
    Stage("forwards", _forwards, ("types",), "where constant forwards lead"),
    Stage("cost", _cost, ("types",), "what expressions cost at most, at the limits of a request"),
    Stage("hazards", _hazards, ("types",), "secrets written out"),
    Stage("target", _target, ("types",), "what another system would refuse, if that was asked for"),
    Stage("availability", _availability, ("actions",), "what this installation cannot execute"),
    Stage("generate", _generate, ("types", "availability"), "one function per phase, if nothing is wrong"),
)
CHECKS = tuple(stage for stage in STAGES if stage.name != "generate")


def run_stages(work: Work, stages: Sequence[Stage], clock: Clock | None = None) -> None:
    """Run stages in order; with a clock, note how long each took."""
    for stage in stages:
        before = clock() if clock is not None else 0.0
        stage.run(work)
        if clock is not None:
            work.timings.append((stage.name, clock() - before))


def describe() -> str:
    """Return the list of stages as text: name, what it needs, why it stands there."""
    width = max(len(stage.name) for stage in STAGES)
    lines = []
    for stage in STAGES:
        needs = f" (after {', '.join(stage.needs)})" if stage.needs else ""
        lines.append(f"{stage.name:<{width}}  {stage.why}{needs}")
    return "\n".join(lines) + "\n"
