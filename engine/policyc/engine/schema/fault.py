"""A field that could not be made from an exchange: raised by readers, turned into an outcome by steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from policyc.engine.outcome import Fail, Outcome

if TYPE_CHECKING:
    from policyc.engine.traffic import Exchange


class FieldFault(Exception):  # noqa: N818  # a fault is the word for it
    """A field's template or expression failed, or its result does not fit the field.

    `code` is the ERR_NGROK number (3900 failed, 3901 not a regular expression), `reason` is for the log only:
    it may quote what the client sent.
    """

    def __init__(self, code: int, action: str, field: str, reason: str) -> None:
        """Name the action and the field, as the codes want."""
        super().__init__(reason)
        self.code = code
        self.action = action
        self.field = field
        self.reason = reason

    @property
    def message(self) -> str:
        """What may be told to the client."""
        what = "did not give a regular expression" if self.code == 3901 else "could not be evaluated"
        return f"field `{self.field}` of action `{self.action}` {what}"

    def outcome(self) -> Fail:
        """Return the failure that this is for an action without `on_error`."""
        return Fail(self.code, self.message, detail=self.reason)

    def error(self) -> dict[str, object]:
        """Return the `error` record of result variables."""
        return {"code": f"ERR_NGROK_{self.code}", "message": self.message}


def guarded(step: Callable[[Exchange], Outcome | None]) -> Callable[[Exchange], Outcome | None]:
    """Return the step with a field that fails turned into a failure of the policy (spec/actions.md §2)."""

    def run(x: Exchange) -> Outcome | None:
        try:
            return step(x)
        except FieldFault as fault:
            return fault.outcome()

    return run
