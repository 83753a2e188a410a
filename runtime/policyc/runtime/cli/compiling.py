"""Policies compiled in another process, so that this one goes on serving meanwhile.

The child (packing.py) takes the program from the cache where nothing has changed, else it
compiles and keeps it there. What it hands back through a pipe is the same octets that the cache holds, with
the texts they were made from. So this works without a cache as well, a file that changes in the middle mixes
nothing, and what was handed over can be handed on to workers that start later. What is wrong with policies
the child says itself, on the standard error that it shares with us.

Where no child can be started, or a program has no image, a thread of this process compiles.
"""

from __future__ import annotations

import asyncio
import logging
import marshal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from policyc.runtime.cli.failure import CommandError

if TYPE_CHECKING:
    from policyc.runtime.cli.programs import ProgramLoader
    from policyc.runtime.parcel import Parcel
    from policyc.runtime.program import Built
    from policyc.runtime.stamp import Seen

_log = logging.getLogger(__name__)


class Compiler:
    """Compiles the files of a loader, whenever asked, in a process that ends with it."""

    def __init__(self, loader: ProgramLoader, argv: Sequence[str]) -> None:
        """`argv` is the command line that `loader` was made from: the child makes its own."""
        self._loader = loader
        self._argv = tuple(argv)
        self.seen: Seen | None = None  # the files that were looked for the last time, if that is known

    async def first(self) -> Parcel | Built:
        """Return the program as it was compiled before, if nothing has changed since; else compile.

        What compiles takes memory that what serves need not have. Raises CommandError as `compile` does.
        """
        built = self._loader.load_cached()
        if built is None:
            return await self.compile()
        self.seen = dict(self._loader.seen)
        return built

    async def compile(self) -> Parcel | Built:
        """Return the program. Raises CommandError, without lines where a policy was refused (it was said)."""
        self.seen = None
        answer = await self._ask()
        if answer is None:
            return await self._compile_here()
        kind, value, self.seen = answer
        if kind == "unsaved":
            _log.warning("these policies are compiled in the gateway's own process: %s", value)
            return await self._compile_here()
        if kind == "failed":
            raise CommandError(*value)
        if kind == "refused":
            raise CommandError(status=1, exceeded=tuple(value))
        from policyc.runtime.parcel import Parcel

        return Parcel(*value)

    async def _ask(self) -> tuple[str, Any, Seen] | None:
        """Return what a child answers, None if there is none to ask."""
        command = child_command("policyc.runtime.cli.packing", *self._argv)
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            _log.warning("policies are compiled in the gateway's own process: no other starts: %s", error)
            return None
        try:
            octets, _ = await process.communicate(self._loader.standard_input or b"")
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        try:
            answer: tuple[str, Any, Seen] = marshal.loads(octets)  # noqa: S302 — of our own child
        except (ValueError, TypeError, EOFError):
            raise CommandError(f"the process that compiles {_end(process.returncode)}") from None
        return answer

    async def _compile_here(self) -> Built:
        try:
            built = await asyncio.to_thread(self._loader.load)
        finally:
            self.seen = dict(self._loader.seen)
        if built is None:
            raise CommandError(status=1, exceeded=self._loader.exceeded)
        return built


def child_command(module: str, *argv: str) -> list[str]:
    """Return the command that runs a module of policyc by the same interpreter; `-P`: no file of the working
    directory comes before the library.
    """
    return [sys.executable or "python3", "-P", "-m", module, *argv]


def _end(status: int | None) -> str:
    if status is not None and status < 0:
        return f"was ended by signal {-status}"
    return f"ended without an answer, status {status}"
