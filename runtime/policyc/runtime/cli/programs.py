"""The files of `policyc run` as a program: for this process, or as a parcel for others."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from policyc.engine.message_limits import DEFAULTS, MessageLimits
from policyc.engine.options import COST_LIMIT
from policyc.grammar.limits import DEFAULTS as POLICY_LIMITS
from policyc.grammar.limits import Limits
from policyc.runtime.cli.failure import CommandError
from policyc.runtime.cli.formats import Occasion
from policyc.runtime.cli.limit_flags import exceeded
from policyc.runtime.cli.output import note

if TYPE_CHECKING:
    from policyc.engine.endpoint_url import EndpointUrl
    from policyc.engine.model import Program
    from policyc.engine.options import Options
    from policyc.grammar.diagnostic import Diagnostic, Report
    from policyc.grammar.source import Source
    from policyc.runtime.parcel import Parcel
    from policyc.runtime.program import Built
    from policyc.runtime.stamp import Seen

T = TypeVar("T")


class ProgramLoader:
    """Compiles always the same files; what is wrong with them is said on standard error.

    What has not changed since it was compiled last comes from the cache.
    """

    def __init__(
        self,
        files: Sequence[str],
        *,
        account: str,
        lenient: bool,
        registered: tuple[EndpointUrl, ...],
        has_upstream: bool,
        cost_limit: int = COST_LIMIT,
        message_limits: MessageLimits = DEFAULTS,
        limits: Limits = POLICY_LIMITS,
    ) -> None:
        """`registered` are the endpoints of applications; `has_upstream`: a bare policy has where to go.

        `cost_limit` bounds expressions for messages within `message_limits`; `limits` are those of policies.
        """
        self.files = tuple(files)
        self._account = account
        self._lenient = lenient
        self._registered = registered
        self._has_upstream = has_upstream
        self._cost_limit = cost_limit
        self._message_limits = message_limits
        self._limits = limits
        self.exceeded: tuple[str, ...] = ()  # limits of policies, by what was refused the last time
        self._standard_input: bytes | None = None
        self.seen: Seen = {}  # the files that were looked for the last time, imported ones too

    def load(self) -> Built | None:
        """Return the program, None where a policy is refused (which has been said).

        Raises CommandError where a file cannot be read or where the files do not fit the flags.
        """
        from policyc.engine.model import Program
        from policyc.runtime.parcel import digest_of
        from policyc.runtime.program import Built, build

        if not self.files:
            return Built(Program(), 0, digest_of(()))
        built = self._with_sources(
            lambda sources, options, report: build(sources, options, report, cached=True, seen=self.seen)
        )
        if built is not None:
            self._mention(built.warnings)
            self.fit(built.program)
        return built

    def load_cached(self) -> Built | None:
        """Return the program if it was compiled before and nothing has changed; nothing is compiled here.

        Raises CommandError as `load` does.
        """
        from policyc.runtime.program import cached_build

        if not self.files:
            return self.load()
        built = self._with_sources(
            lambda sources, options, report: cached_build(sources, options, report, self.seen)
        )
        if built is not None:
            self._mention(built.warnings)
            self.fit(built.program)
        return built

    def pack(self) -> Parcel | None:
        """Return the program as a parcel, else as `load` does; whether it fits the flags is not looked at.

        Raises `engine.image.writing.Unsaved` too.
        """
        from policyc.engine.model import Program
        from policyc.runtime.parcel import pack
        from policyc.runtime.program import build_parcel

        if not self.files:
            return pack(Program(), (), 0)
        parcel = self._with_sources(
            lambda sources, options, report: build_parcel(sources, options, report, self.seen)
        )
        if parcel is not None:
            self._mention(parcel.warnings)
        return parcel

    @property
    def standard_input(self) -> bytes | None:
        """What came on the standard input, None if no file is `-`. It comes once: a reload gets it again."""
        from policyc.runtime.cli.sources import octets_of

        if "-" in self.files and self._standard_input is None:
            self._standard_input = octets_of("-")
        return self._standard_input

    def fit(self, program: Program) -> None:
        """Refuse files that do not fit the flags. Raises CommandError."""
        if program.endpoints and self._has_upstream:
            raise CommandError(
                "--upstream is for a policy without endpoints, and these files declare endpoints"
            )
        if program.policy is not None and not program.endpoints and not self._has_upstream:
            raise CommandError(
                "a policy without endpoints needs --upstream URL to know where its traffic goes"
            )

    def _with_sources(self, make: Callable[[list[Source], Options, Report], T]) -> T | None:
        """Return what `make` makes of the files as they are now; None where it refused them."""
        from policyc.engine.errors import PolicycError
        from policyc.engine.options import Options
        from policyc.grammar.diagnostic import Report, Severity
        from policyc.runtime.cli.sources import read_all

        self.seen.clear()
        self.exceeded = ()
        report = Report(self._limits)
        sources = read_all(self.files, report, self.seen, self.standard_input)
        options = Options(
            lenient=self._lenient,
            account=self._account,
            for_run=True,
            registered=self._registered,
            cost_limit=self._cost_limit,
            message_limits=self._message_limits,
            limits=self._limits,
        )
        try:
            return make(sources, options, report)
        except PolicycError as error:
            self.exceeded = exceeded(error.diagnostics)
            self._say([d for d in error.diagnostics if d.severity is Severity.ERROR])
            return None

    def _mention(self, warnings: int) -> None:
        """Say that there are warnings, if there are."""
        if warnings:
            files = " ".join(self.files)
            what = "1 warning" if warnings == 1 else f"{warnings} warnings"
            note(f"policyc: {what}; `policyc check {files}` shows what they are about")

    def _say(self, found: Sequence[Diagnostic]) -> None:
        from policyc.runtime.cli.check import use_color
        from policyc.runtime.cli.formats.human import render

        color = use_color("auto") and sys.stderr is not None and sys.stderr.isatty()
        note(render(found, Occasion(self.files, color)).rstrip())
