"""`--workers N`: several processes that serve one port, and this one, which serves nothing, over them.

1. Workers are started anew, not forked from this process, and each has a loop of its own.
2. This process keeps the ports (transport/reservation.py); workers listen at them with SO_REUSEPORT, and the
   system shares connections out among them.
3. All workers have the same program, as a parcel that this process keeps: one that starts later gets the one
   that is served, whatever the files are by then.
4. A reload is prepared by every worker before the first serves it; if one cannot, none does.
5. A worker that ends is replaced, the sooner the longer it lived. What it counted stays counted.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from policyc.runtime.cli.address import shown_address
from policyc.runtime.cli.compiling import Compiler, child_command
from policyc.runtime.cli.failure import CommandError, cannot_listen, why_not
from policyc.runtime.cli.tls_flags import https_addresses, tls_address
from policyc.runtime.metrics import add_up, counters_of
from policyc.runtime.parcel import Parcel
from policyc.runtime.process import process_samples
from policyc.runtime.transport.channel import Channel, Refusal
from policyc.runtime.transport.reservation import Place, Reservation

if TYPE_CHECKING:
    import argparse

    from policyc.runtime.metrics import Samples
    from policyc.runtime.program import Built

_log = logging.getLogger(__name__)

_START_S = 60.0  # applications may take their time to be imported
_CHANGE_S = 60.0
_ASK_S = 2.0
_END_S = 5.0
_DELAY_S = 0.1  # before a worker is replaced; twice that each time one did not live long
_DELAY_LIMIT_S = 10.0
_LIVED_S = 30.0


class Workers:
    """Serves with several processes: a `serving.Site`."""

    def __init__(self, arguments: argparse.Namespace, compiler: Compiler, drain_timeout_s: float) -> None:
        """Nothing starts before `start`; `arguments` are those of `policyc run`."""
        self._arguments = arguments
        self._compiler = compiler
        self._drain_timeout_s = drain_timeout_s
        self._reserved = Reservation()
        self._parcel: Parcel | None = None
        self._workers: dict[int, _Worker] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._changing = asyncio.Lock()
        self._started = False
        self._stopping = False
        self._restarts = 0
        self._gone: Samples = {}  # what workers counted that are no more

    # --- serving.Site ---------------------------------------------------------------------------------------

    @property
    def digest(self) -> str:
        """What the configuration that is served is known by."""
        return "" if self._parcel is None else self._parcel.digest

    @property
    def state(self) -> str:
        """`starting`, `ready` while a worker serves, `draining`, or `restarting` while none does."""
        if self._stopping:
            return "draining"
        if not self._started:
            return "starting"
        return "ready" if self._workers else "restarting"

    async def start(self) -> list[str]:
        """Compile, start every worker, and return the lines that say for what."""
        self._parcel = _handed(await self._compiler.compile())
        self._reserve(self._parcel)
        count = self._arguments.workers
        numbers = range(1, count + 1)
        begun = await asyncio.gather(*map(self._begin, numbers), return_exceptions=True)
        for each in begun:
            if isinstance(each, BaseException):
                await self._end_all()
                raise each
        self._started = True
        self._keepers = [asyncio.ensure_future(self._keep(number)) for number in numbers]
        lines = next(each for each in begun if isinstance(each, list))
        return [
            *lines,
            f"notice: {count} workers: each counts rate limits and the limits of connections by itself",
        ]

    async def change(self, compiled: Parcel | Built) -> list[str]:
        """Serve another program with all workers, or with none; return lines as `start` does."""
        parcel = _handed(compiled)
        async with self._changing:
            workers = list(self._workers.values())
            if not workers:
                raise CommandError("no worker serves at the moment")
            self._reserve(parcel)
            try:
                await _all(each.ask("prepare", tuple(parcel), within_s=_CHANGE_S) for each in workers)
            except CommandError:
                await asyncio.gather(
                    *(each.ask("drop", within_s=_ASK_S) for each in workers), return_exceptions=True
                )
                self._let_go()
                raise
            self._parcel = parcel
            adopted = await asyncio.gather(
                *(each.ask("adopt", within_s=_CHANGE_S) for each in workers), return_exceptions=True
            )
            self._let_go()
            for worker, lines in zip(workers, adopted, strict=True):
                if isinstance(lines, BaseException):  # the one that replaces it has the new program
                    _log.error("worker %d does not change and is replaced: %s", worker.number, lines)
                    worker.kill()
            return next((lines for lines in adopted if isinstance(lines, list)), [])

    async def reopen_log(self) -> None:
        """Open the access log anew in every worker. Raises CommandError."""
        await _all(each.ask("reopen_log", within_s=_ASK_S) for each in self._workers.values())

    async def connections(self) -> int:
        """Return how many client connections there are."""
        counts = await asyncio.gather(
            *(each.ask("connections", within_s=_ASK_S) for each in self._workers.values()),
            return_exceptions=True,
        )
        return sum(count for count in counts if isinstance(count, int))

    async def samples(self) -> Samples:
        """Return the metrics of all workers as those of one gateway."""
        workers = list(self._workers.values())
        parts = await asyncio.gather(*(each.samples() for each in workers))
        total = add_up([*parts, self._gone, process_samples()])
        total["policyc_workers"] = {(): len(workers)}
        total["policyc_worker_restarts_total"] = {(): self._restarts}
        return total

    async def close(self) -> None:
        """Let requests in flight finish, then end every worker."""
        self._stopping = True
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        limit_s = self._drain_timeout_s + _END_S
        await asyncio.gather(*(each.stop(limit_s) for each in self._workers.values()))
        await self._end_all()

    async def cut(self) -> None:
        """Cut what is in flight in every worker."""
        await asyncio.gather(*(each.cut() for each in self._workers.values()))

    # --- ports ----------------------------------------------------------------------------------------------

    def _wanted(self, parcel: Parcel) -> list[Place]:
        """Return where workers listen for a program; the name of a place is the flag that says so."""
        arguments = self._arguments
        places = [Place("http", *arguments.http)]
        places += [Place(f"https {at}", *each) for at, each in enumerate(https_addresses(arguments))]
        tls = tls_address(arguments)
        if tls is not None and (parcel.has_tls or not tls[1]):  # a port that is chosen stays the same
            places.append(Place("tls", *tls))
        return places + [Place("tcp", arguments.tcp, port) for port in parcel.tcp_ports]

    def _reserve(self, parcel: Parcel) -> None:
        """Keep every port that a program needs. Raises CommandError, and then nothing has changed."""
        for place in self._wanted(parcel):
            try:
                self._reserved.take(place)
            except OSError as error:
                self._let_go()
                scheme = "" if place.name.startswith("http") else f"{place.name}://"
                where = f"{scheme}{shown_address(place.host, place.port)}"
                raise cannot_listen(where, error) from None

    def _let_go(self) -> None:
        """Keep no port that is not needed."""
        assert self._parcel is not None
        self._reserved.keep_only(self._wanted(self._parcel))

    def _addresses(self, parcel: Parcel) -> dict[str, Any]:
        """Return the arguments of a worker that say where to listen: with the ports that were chosen."""
        addresses: dict[str, Any] = {"https": []}
        for place in self._wanted(parcel):
            address = place.host, self._reserved.take(place)
            if place.name.startswith("https"):
                addresses["https"].append(address)
            elif place.name != "tcp":
                addresses[place.name] = address
        return addresses

    # --- workers --------------------------------------------------------------------------------------------

    async def _begin(self, number: int) -> list[str]:
        """Start a worker; it counts as one when it listens. Raises CommandError."""
        parcel = self._parcel
        assert parcel is not None
        worker = await _Worker.launch(number)
        try:
            lines: list[str] = await worker.ask(
                "start",
                self._arguments.argv,
                number,
                self._addresses(parcel),
                tuple(parcel),
                within_s=_START_S,
            )
        except BaseException:
            worker.kill()
            await worker.ended()
            raise
        self._workers[number] = worker
        return lines

    async def _keep(self, number: int) -> None:
        """Replace a worker whenever it ends."""
        delay_s = _DELAY_S
        began = time.monotonic()
        while True:
            worker = self._workers.get(number)
            if worker is not None:
                how = await worker.ended()
                del self._workers[number]
                self._gone = add_up([self._gone, counters_of(worker.seen)])
                if time.monotonic() - began > _LIVED_S:
                    delay_s = _DELAY_S
                _log.error("worker %d %s; another one starts in %g s", number, how, delay_s)
            await asyncio.sleep(delay_s)
            delay_s = min(delay_s * 2, _DELAY_LIMIT_S)
            self._restarts += 1
            began = time.monotonic()
            async with self._changing:  # a program that is changed now would pass it by
                try:
                    await self._begin(number)
                except CommandError as error:
                    _log.error("worker %d does not start: %s; tried again in %g s", number, error, delay_s)

    async def _end_all(self) -> None:
        workers = list(self._workers.values())
        self._workers.clear()
        for worker in workers:
            worker.kill()
        await asyncio.gather(*(each.ended() for each in workers))
        self._reserved.close()


class _Worker:
    """A worker's process, seen from here."""

    def __init__(self, number: int, process: asyncio.subprocess.Process, channel: Channel) -> None:
        self.number = number
        self.seen: Samples = {}  # its metrics when it was asked for them last
        self._process = process
        self._channel = channel
        self._serving = asyncio.ensure_future(channel.serve())

    @classmethod
    async def launch(cls, number: int) -> _Worker:
        """Return a worker that waits to be asked. Raises CommandError."""
        ours, its = socket.socketpair()
        try:
            with its:
                # A session of its own: ctrl-C and a terminal that goes are for the supervisor to obey.
                process = await asyncio.create_subprocess_exec(
                    *child_command("policyc.runtime.cli.worker", str(its.fileno())),
                    stdin=asyncio.subprocess.DEVNULL,
                    pass_fds=(its.fileno(),),
                    start_new_session=True,
                )
        except OSError as error:
            ours.close()
            raise CommandError(f"no worker can be started: {why_not(error)}") from None
        channel = Channel()
        await channel.connect(ours)
        return cls(number, process, channel)

    async def ask(self, name: str, *arguments: Any, within_s: float | None = None) -> Any:
        """Return what the worker answers. Raises CommandError."""
        try:
            return await self._channel.ask(name, *arguments, within_s=within_s)
        except Refusal as refusal:
            raise CommandError(*refusal.lines, status=refusal.status) from None
        except TimeoutError:
            raise CommandError(f"worker {self.number} does not answer") from None
        except ConnectionError:
            try:
                async with asyncio.timeout(_ASK_S):
                    raise CommandError(f"worker {self.number} {await self.ended()}") from None
            except TimeoutError:
                raise CommandError(f"worker {self.number} does not answer any more") from None

    async def samples(self) -> Samples:
        """Return its metrics, those of the last time where it does not answer."""
        try:
            self.seen = await self.ask("samples", within_s=_ASK_S)
        except CommandError as error:
            _log.warning("the metrics of a worker are not those of now: %s", error)
        return self.seen

    async def stop(self, limit_s: float) -> None:
        """Let its requests finish, and wait for its end."""
        try:
            self.seen = await self.ask("close", within_s=limit_s)
            async with asyncio.timeout(_END_S):
                await self.ended()
        except CommandError as error:
            _log.error("worker %d is ended: %s", self.number, error)
        except TimeoutError:
            _log.error("worker %d is ended: it does not end by itself", self.number)

    async def cut(self) -> None:
        """Cut what is in flight; a worker that does not do so is ended."""
        try:
            await self.ask("cut", within_s=_ASK_S)
        except CommandError:
            self.kill()

    def kill(self) -> None:
        """End it at once."""
        if self._process.returncode is None:
            self._process.kill()

    async def ended(self) -> str:
        """Wait for its end, and return how it ended."""
        status = await self._process.wait()
        self._channel.close()
        await self._serving
        return f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"


async def _all(asking: Sequence[Any] | Any) -> None:
    """Wait for all answers; then raise the first that is a CommandError, if one is."""
    for answer in await asyncio.gather(*asking, return_exceptions=True):
        if isinstance(answer, BaseException):
            raise answer


def _handed(compiled: Parcel | Built) -> Parcel:
    if isinstance(compiled, Parcel):
        return compiled
    raise CommandError("these policies cannot be handed to workers; without --workers they run")
