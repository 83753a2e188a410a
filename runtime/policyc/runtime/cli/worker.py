"""One of several processes that serve one port: `python -m policyc.runtime.cli.worker DESCRIPTOR`.

It does what its supervisor (workers.py) asks for over the socket of that number, and ends by itself, letting
requests in flight finish, when the supervisor is gone or somebody sends it SIGTERM. Other signals are the
supervisor's.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any

from policyc.runtime.cli.failure import CommandError
from policyc.runtime.cli.one_process import OneProcess
from policyc.runtime.parcel import Parcel
from policyc.runtime.transport.channel import Channel, Refusal

if TYPE_CHECKING:
    from policyc.runtime.metrics import Samples

_log = logging.getLogger(__name__)

Answer = Callable[..., Awaitable[Any]]


def main(argv: Sequence[str]) -> int:
    """Serve until told to stop; return the exit status."""
    from policyc.runtime.cli.output import prepare
    from policyc.runtime.cli.serving import loop_factory

    for name in ("SIGINT", "SIGHUP", "SIGUSR1"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    prepare()
    sock = socket.socket(fileno=int(argv[0]))
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(Worker().run(sock))


class Worker:
    """Answers a supervisor."""

    def __init__(self) -> None:
        """Serve nothing yet."""
        self._site: OneProcess | None = None
        self._ended = asyncio.Event()
        # One change after the other, as they were asked for: a supervisor that was tired of waiting for one
        # has asked to drop it, and may ask for another.
        self._changing = asyncio.Lock()
        answers: list[Answer] = [
            self.start, self.prepare, self.adopt, self.drop, self.reopen_log,
            self.samples, self.connections, self.close, self.cut,
        ]  # fmt: skip
        self._channel = Channel({each.__name__: _answer(each) for each in answers})

    async def run(self, sock: socket.socket) -> int:
        """Answer until the end."""
        await self._channel.connect(sock)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._ended.set)
        serving = asyncio.ensure_future(self._channel.serve())
        ended = asyncio.ensure_future(self._ended.wait())
        await asyncio.wait({serving, ended}, return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        if self._site is not None:
            if serving.done() and not self._ended.is_set():
                _log.error("the supervisor is gone: this worker stops")
            await self._site.close()
        self._channel.close()
        await serving
        return 0

    async def start(
        self, argv: Sequence[str], number: int, addresses: dict[str, Any], parcel: tuple[Any, ...]
    ) -> list[str]:
        """Listen at addresses that the supervisor keeps; return the lines that say for what."""
        from policyc.runtime.cli.arguments import parse
        from policyc.runtime.cli.logs import set_up_logs
        from policyc.runtime.cli.run import load_apps, loader_of, service_of
        from policyc.runtime.process import raise_descriptor_limit

        arguments = parse(argv)
        set_up_logs(arguments.log_level, worker=number)
        raise_descriptor_limit()
        vars(arguments).update(addresses)
        apps = load_apps(arguments.app)
        site = OneProcess(service_of(arguments, loader_of(arguments), apps, is_worker=True), Parcel(*parcel))
        lines = await site.start()
        self._site = site
        return lines

    async def prepare(self, parcel: tuple[Any, ...]) -> None:
        """Get another program ready to be served."""
        async with self._changing:
            await self._serving.prepare(Parcel(*parcel))

    async def adopt(self) -> list[str]:
        """Serve it."""
        async with self._changing:
            return self._serving.adopt()

    async def drop(self) -> None:
        """Forget it."""
        async with self._changing:
            self._serving.drop()

    async def reopen_log(self) -> None:
        """Open the access log anew."""
        await self._serving.reopen_log()

    async def samples(self) -> Samples:
        """Return the metrics of this worker."""
        return await self._serving.samples()

    async def connections(self) -> int:
        """Return how many client connections there are."""
        return await self._serving.connections()

    async def close(self) -> Samples:
        """Let requests in flight finish; return the last metrics, and end."""
        site = self._serving
        await site.close()
        asyncio.get_running_loop().call_soon(self._ended.set)
        return await site.samples()

    async def cut(self) -> None:
        """Cut what is in flight."""
        await self._serving.cut()

    @property
    def _serving(self) -> OneProcess:
        if self._site is None:
            raise CommandError("this worker has not started")
        return self._site


def _answer(method: Answer) -> Answer:
    @wraps(method)
    async def answer(*arguments: Any) -> Any:
        try:
            return await method(*arguments)
        except CommandError as error:
            raise Refusal(error.lines, error.status) from None

    return answer


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
