"""What a request phase comes to, where that can be said without a view of the request that may be changed.

Most requests pass most rules: those look and don't act, or add field lines that are known beforehand, or end
in a forward to a target that is known. What all of this comes to is one of a few decisions, and they are
made once. Who has the octets of a request looks the decision up, appends its lines and goes on; whatever
else a rule would do is no decision (None), and the phase runs as any other does.

Rule: where there is a decision, running the phase would have done the same (`apply` does it).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from policyc.engine.additions import AddToRequest
from policyc.engine.outcome import Forward, Outcome

if TYPE_CHECKING:
    from policyc.engine.traffic import Exchange

MOST_KEPT = 256  # decisions of a phase; there may be one for each subset of its rules


class ForwardTo:
    """The step of a forward to a target that is known, with nothing to go on with if it fails."""

    __slots__ = ("url",)

    def __init__(self, url: str) -> None:
        """Forward to `url`."""
        self.url = url

    def __call__(self, _x: Exchange, _tail: object) -> Outcome:
        """Say so."""
        return Forward(self.url)


class Known(NamedTuple):
    """A rule whose steps are known beforehand."""

    name: str
    additions: tuple[AddToRequest, ...]
    forward: ForwardTo | None


class Decision:
    """What the rules `names` do, that act: add the lines `block`, and forward to `forward` if it is set."""

    __slots__ = ("additions", "block", "forward", "names")

    def __init__(self, rules: Sequence[Known]) -> None:
        """Sum up what the rules do, in order."""
        self.names = tuple(rule.name for rule in rules)
        self.additions = tuple(step for rule in rules for step in rule.additions)
        self.block = b"".join([step.lines.block or b"" for step in self.additions])
        forward = rules[-1].forward if rules else None
        self.forward = None if forward is None else forward.url

    def apply(self, x: Exchange) -> Forward | None:
        """Do it to a view, as the phase would."""
        x.acted.extend(self.names)
        for step in self.additions:
            step(x)
        return None if self.forward is None else Forward(self.forward)


NOTHING = Decision(())

Decide = Callable[["Exchange"], Decision | None]


def without_rules(_: Exchange) -> Decision:
    """Decide for an endpoint that has no request phase."""
    return NOTHING


class Decisions:
    """The decisions of a phase, by which of its known rules act: the first one is worth 1, the second 2, …"""

    __slots__ = ("_kept", "rules")

    def __init__(self) -> None:
        """No rules are known yet."""
        self.rules: list[Known] = []
        self._kept: dict[int, Decision] = {0: NOTHING}

    def add(self, rule: Known) -> int:
        """Take the next rule; returns what it is worth."""
        self.rules.append(rule)
        return 1 << (len(self.rules) - 1)

    def of(self, acting: int) -> Decision:
        """Return the decision where the rules that act are worth so much."""
        known = self._kept.get(acting)
        if known is None:
            known = Decision([rule for at, rule in enumerate(self.rules) if acting >> at & 1])
            if len(self._kept) < MOST_KEPT:
                self._kept[acting] = known
        return known


class Decided:
    """A phase that has decisions: `decide` gives one, or None where the phase has to run.

    It may be given any exchange whose `req` has nothing but what was received, and leaves it alone.
    `sees_fields` tells whether it looks at field lines, and so at those that others have added.

    Where `clear` is not None and says True of a request, `rest` decides as `decide` does, in less time, for
    it and for every other request on its connection with the same Host and fields.
    """

    __slots__ = ("_run", "clear", "decide", "rest", "sees_fields")

    def __init__(
        self,
        run: Callable[[Exchange], Outcome | None],
        sees_fields: bool,
        decide: Decide,
        clear: Callable[[Exchange], bool | None] | None = None,
        rest: Decide | None = None,
    ) -> None:
        """`run` is the phase."""
        self._run = run
        self.sees_fields = sees_fields
        self.decide = decide
        self.clear = clear
        self.rest = decide if rest is None else rest

    def __call__(self, x: Exchange) -> Outcome | None:
        """Run the phase."""
        return self._run(x)
