"""The life of a gateway under the command: start, reload, stop; the same for one process and for workers.

| what happens | what is done |
| --- | --- |
| SIGHUP | the log is opened anew, the files are compiled, what they make is served |
| a file has changed, with `--watch` | the files are compiled, what they make is served |
| SIGUSR1 | the log is opened anew |
| SIGTERM, SIGINT | requests in flight finish; a second one cuts them |

A reload that fails changes nothing. While one is under way others are one more, and a stop does not wait.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple
from typing import Protocol as Interface

from policyc.runtime.cli import banner, unforeseen
from policyc.runtime.cli.address import AdminAddress, shown_address
from policyc.runtime.cli.compiling import Compiler
from policyc.runtime.cli.failure import CommandError, cannot_listen
from policyc.runtime.cli.output import complain, say
from policyc.runtime.cli.watching import Watcher
from policyc.runtime.reloads import Reloads
from policyc.runtime.stamp import stamp
from policyc.runtime.transport.notify import notify, reloading, watchdog_s

if TYPE_CHECKING:
    from policyc.runtime.admin import Overseen
    from policyc.runtime.metrics import Samples
    from policyc.runtime.parcel import Parcel
    from policyc.runtime.program import Built
    from policyc.runtime.transport.admin import AdminListener


_log = logging.getLogger(__name__)


class Site(Interface):
    """What is run: the gateway of this process, or several in processes of their own."""

    @property
    def state(self) -> str:
        """`starting`, `ready` or `draining`."""

    @property
    def digest(self) -> str:
        """What the configuration that is served is known by."""

    async def start(self) -> list[str]:
        """Listen; return the lines that say where and for what. Raises CommandError."""

    async def change(self, compiled: Parcel | Built) -> list[str]:
        """Serve another program; return lines as `start` does. After a CommandError nothing has changed."""

    async def reopen_log(self) -> None:
        """Open the access log anew. Raises CommandError, and then it goes on as it was."""

    async def connections(self) -> int:
        """Return how many client connections there are, as far as is known."""

    async def samples(self) -> Samples:
        """Return the metrics of this moment."""

    async def close(self) -> None:
        """Let requests in flight finish, then end."""

    async def cut(self) -> None:
        """Cut what is in flight: `close` comes to its end."""


class Plan(NamedTuple):
    """How a site is run.

    `watch_s` is the interval at which files are looked at, if they are watched; `others` names those that are
    no policies.
    """

    compiler: Compiler
    admin: AdminAddress | None = None
    watch_s: float | None = None
    others: Callable[[], Iterable[str]] = tuple


def serve(site: Site, plan: Plan) -> int:
    """Run a site on a loop of its own until it is told to stop; return the exit status."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(_Serving(site, plan).run())


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes the loop of a gateway: uvloop's, where there is one."""
    try:
        import uvloop
    except ImportError:  # there is none for Windows
        return None
    return uvloop.new_event_loop


class _Orders:
    """What has been asked for and is not done: any number of times is once, but for stops."""

    def __init__(self) -> None:
        self.reload = False
        self.reopen = False
        self.news = asyncio.Event()
        self._stops: asyncio.Queue[signal.Signals] = asyncio.Queue()

    def take(self, number: signal.Signals) -> None:
        """Obey a signal, soon."""
        if number is getattr(signal, "SIGHUP", None):
            self.reload = self.reopen = True
        elif number is getattr(signal, "SIGUSR1", None):
            self.reopen = True
        else:
            self._stops.put_nowait(number)
        self.news.set()

    def changed(self) -> None:
        """Obey a file that has changed."""
        self.reload = True
        self.news.set()

    @property
    def is_stop(self) -> bool:
        """Whether a stop has been asked for."""
        return not self._stops.empty()

    async def stop(self) -> signal.Signals:
        """Wait until a stop is asked for, and return the signal that does."""
        return await self._stops.get()


class _Serving:
    """One run of a site. It is what the admin listener shows."""

    def __init__(self, site: Site, plan: Plan) -> None:
        self._site = site
        self._plan = plan
        self._orders = _Orders()
        self._reloads = Reloads()
        self._watcher = Watcher(plan.watch_s) if plan.watch_s is not None else None
        self._alive: asyncio.Task[None] | None = None

    @property
    def state(self) -> str:
        return self._site.state

    async def samples(self) -> Samples:
        return {**await self._site.samples(), **self._reloads.samples()}

    async def run(self) -> int:
        """Start, obey, stop."""
        site, plan = self._site, self._plan
        loop = asyncio.get_running_loop()
        for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1"):
            number = getattr(signal, name, None)
            if number is not None:
                loop.add_signal_handler(number, self._orders.take, number)
        admin = await start_admin(plan.admin, self)
        try:
            lines = await self._start()
            if isinstance(lines, signal.Signals):
                return 128 + lines
            self._reloads.started(site.digest)
            _say_lines([f"configuration {site.digest}", *lines, *banner.admin(admin, plan.admin)])
            notify("READY=1", f"STATUS=configuration {site.digest}")
            self._alive = _tell_that_it_turns()
            stop = await self._obey()
            return await self._stop(stop)
        finally:
            if self._alive is not None:
                self._alive.cancel()
            if admin is not None:
                admin.close()

    async def _start(self) -> list[str] | signal.Signals:
        """Start the site, and return its lines; or the signal that said to stop before."""
        starting = asyncio.ensure_future(self._site.start())
        told = asyncio.ensure_future(self._orders.stop())
        await asyncio.wait({starting, told}, return_when=asyncio.FIRST_COMPLETED)
        if not told.done():
            told.cancel()
            return starting.result()
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await self._site.close()
        return told.result()

    async def _obey(self) -> signal.Signals:
        """Do what is asked for; return the signal that says to stop."""
        orders = self._orders
        under_way: asyncio.Task[None] | None = None
        watching = self._watch()
        while not orders.is_stop:
            await orders.news.wait()
            orders.news.clear()
            if orders.reopen:
                orders.reopen = False
                await self._reopen_log()
            if orders.reload and under_way is None:
                orders.reload = False
                under_way = asyncio.ensure_future(self._reload())
                under_way.add_done_callback(lambda _: orders.news.set())
            elif under_way is not None and under_way.done():
                under_way.result()
                under_way = None
                if orders.reload:
                    orders.news.set()
        for task in (under_way, watching):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        return await orders.stop()

    def _watch(self) -> asyncio.Task[None] | None:
        watcher = self._watcher
        if watcher is None:
            return None
        self._note()

        async def watch() -> None:
            while True:
                await watcher.changed()
                self._orders.changed()

        return asyncio.ensure_future(watch())

    def _note(self) -> None:
        """Watch the files that were looked for the last time, and those that are no policies."""
        seen = self._plan.compiler.seen
        if self._watcher is not None and seen is not None:
            self._watcher.note({**{name: stamp(name) for name in self._plan.others()}, **seen})

    async def _reopen_log(self) -> None:
        try:
            await self._site.reopen_log()
        except CommandError as error:
            complain(f"cannot open the access log again: {error}; it goes on as it was")

    async def _reload(self) -> None:
        reloading()
        compiler = self._plan.compiler
        try:
            compiled = await compiler.compile()
            lines = await self._site.change(compiled)
        except CommandError as error:
            self._fail(str(error) or "the policies above are refused", error.exceeded)
        except Exception as error:  # whatever it was, what is served goes on
            _log.exception("a reload failed")
            self._fail(unforeseen(error))
        else:
            self._reloads.succeeded(compiled.digest)
            _say_lines(["reloaded", f"configuration {compiled.digest}", *lines])
            notify("READY=1", f"STATUS=configuration {compiled.digest}")
        self._note()

    def _fail(self, why: str, exceeded: tuple[str, ...] = ()) -> None:
        self._reloads.failed(exceeded)
        complain(f"not reloaded: {why}; everything goes on as it was")
        notify("READY=1", f"STATUS=configuration {self._reloads.digest}; the last reload failed")

    async def _stop(self, stop: signal.Signals) -> int:
        """Let requests in flight finish, unless a second signal comes."""
        notify("STOPPING=1")
        say(f"stopping; open connections: {await self._site.connections()}\n")
        closing = asyncio.ensure_future(self._site.close())
        again = asyncio.ensure_future(self._orders.stop())
        await asyncio.wait({closing, again}, return_when=asyncio.FIRST_COMPLETED)
        status = 0
        if not closing.done():
            status = 128 + stop
            complain(f"a second signal: cutting open connections: {await self._site.connections()}")
            await self._site.cut()
        again.cancel()
        await closing
        say("stopped\n")
        return status


def _tell_that_it_turns() -> asyncio.Task[None] | None:
    """Tell the service manager again and again that the loop turns, if it wants to know."""
    interval_s = watchdog_s()
    if interval_s is None:
        return None

    async def tell() -> None:
        while notify("WATCHDOG=1"):
            await asyncio.sleep(interval_s)

    return asyncio.ensure_future(tell())


def _say_lines(lines: Sequence[str]) -> None:
    say("".join(f"{line}\n" for line in lines))


async def start_admin(address: AdminAddress | None, overseen: Overseen) -> AdminListener | None:
    """Return the admin listener, None if there is to be none, or if nobody asked for it and it cannot be.

    Raises CommandError.
    """
    from policyc.runtime.protocol.http1 import Limits
    from policyc.runtime.transport.admin import AdminListener

    if address is None:
        return None
    listener = AdminListener(overseen, Limits())
    try:
        await listener.start(address.host, address.port)
    except OSError as error:
        if not address.is_asked_for:
            return None
        where = shown_address(address.host, address.port)
        raise cannot_listen(where, error) from None
    return listener
