"""Code that was generated, run."""

from __future__ import annotations

from collections.abc import Mapping
from types import CodeType
from typing import Any


class _Shown:
    """A loader, as far as tracebacks ask one for the source."""

    def __init__(self, source: str) -> None:
        self._source = source

    def get_source(self, name: str) -> str:
        return self._source


class Generated:
    """Code that has been run: its functions are in the namespace, with the captured objects they refer to."""

    __slots__ = ("code", "namespace", "what")

    def __init__(
        self, code: CodeType, what: str, captured: Mapping[str, object], source: str | None = None
    ) -> None:
        """Run `code`; `what` it is, and its source if it is known, are for tracebacks."""
        self.code = code
        self.what = what
        self.namespace: dict[str, Any] = {
            "__name__": f"policyc.generated.{what}",
            "__loader__": None if source is None else _Shown(source),
            "__generated__": self,
            "env": {},
            **captured,
        }
        exec(code, self.namespace)  # noqa: S102  # rule 1 of module.py is what makes this safe

    @property
    def captured(self) -> dict[str, object]:
        """The captured objects by name."""
        return {
            name: value for name, value in self.namespace.items() if name[0] == "k" and name[1:].isdigit()
        }
