"""The life of a gateway under the command: start, reload on SIGHUP, stop on SIGTERM or ctrl-C.

The first signal to stop lets requests in flight finish, the second cuts them. A reload that fails changes
nothing.
"""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from policyc.runtime.cli import banner
from policyc.runtime.cli.address import DEFAULT_TCP, DEFAULT_TLS, AdminAddress, shown_address
from policyc.runtime.cli.failure import CommandError, reason
from policyc.runtime.cli.output import complain, say
from policyc.runtime.gateway import Gateway, GatewayError

if TYPE_CHECKING:
    from policyc.engine.model import Program
    from policyc.runtime.admin import Overseen
    from policyc.runtime.cli.programs import ProgramLoader
    from policyc.runtime.observe import AccessLog
    from policyc.runtime.transport.admin import AdminListener


class Service(NamedTuple):
    """What to serve, and how: `make` gives the gateway of a program, `apps` counts applications by URL."""

    make: Callable[[Program], Gateway]
    loader: ProgramLoader
    program: Program
    address: tuple[str, int]
    log: AccessLog
    apps: Mapping[str, int]
    upstream: str | None
    account: str
    admin: AdminAddress | None = None
    tcp: str = DEFAULT_TCP
    tls: tuple[str, int] = DEFAULT_TLS


def serve(service: Service) -> int:
    """Run the gateway on a loop of its own until it is told to stop; return the exit status."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_Serving(service).run())


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # there is none for Windows
        return None
    return uvloop.new_event_loop


class _Serving:
    def __init__(self, service: Service) -> None:
        self._service = service
        self._signals: asyncio.Queue[signal.Signals] = asyncio.Queue()

    async def run(self) -> int:
        """Start, obey signals, stop."""
        service = self._service
        self._catch_signals()
        try:
            gateway = service.make(service.program)
        except GatewayError as error:
            raise CommandError(f"cannot serve: {error}", status=1) from None
        admin = await start_admin(service.admin, gateway)
        try:
            await gateway.start(*service.address)
            await gateway.start_streams(service.tcp, service.tls)
        except OSError as error:
            await gateway.close(0)
            where = error.filename or shown_address(*service.address)
            raise CommandError(f"cannot listen on {where}: {_why(error)}") from None
        self._introduce(gateway, service.program)
        say("".join(f"{line}\n" for line in banner.admin(admin, service.admin)))
        gc.collect()
        gc.freeze()  # what was loaded stays: the collector need not look at it again
        stop = await self._obey(gateway)
        try:
            return await self._stop(gateway, stop)
        finally:
            if admin is not None:
                admin.close()

    def _catch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for name in ("SIGTERM", "SIGINT", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is not None:
                loop.add_signal_handler(number, self._signals.put_nowait, number)

    def _introduce(self, gateway: Gateway, program: Program) -> None:
        service = self._service
        lines = [*banner.endpoints(program, service.apps, service.upstream, service.account)]
        lines += banner.notices(program, gateway.notices)
        lines += banner.listening(gateway.addresses)
        lines += banner.streams(gateway.stream_places)
        say("".join(f"{line}\n" for line in lines))

    async def _obey(self, gateway: Gateway) -> signal.Signals:
        """Reload as often as asked; return the signal that says to stop."""
        while True:
            got = await self._signals.get()
            if got is not getattr(signal, "SIGHUP", None):
                return got
            await self._reload(gateway)

    async def _reload(self, gateway: Gateway) -> None:
        service = self._service
        try:
            service.log.reopen()
        except OSError as error:
            complain(f"cannot open the access log again: {reason(error)}; it goes on as it was")
        try:
            built = await asyncio.to_thread(service.loader.load)
            if built is None:
                gateway.metrics.reloads["failed"] += 1
                complain("not reloaded: the policies above are refused; everything goes on as it was")
                return
            gateway.reload(built.program)
        except (CommandError, GatewayError) as error:
            gateway.metrics.reloads["failed"] += 1
            complain(f"not reloaded: {error}; everything goes on as it was")
            return
        gateway.metrics.reloads["ok"] += 1
        say("reloaded\n")
        self._introduce(gateway, built.program)

    async def _stop(self, gateway: Gateway, stop: signal.Signals) -> int:
        """Let requests in flight finish, unless a second signal comes."""
        busy = gateway.connection_count
        say(f"stopping; open connections: {busy}\n")
        closing = asyncio.ensure_future(gateway.close())
        again = asyncio.ensure_future(self._another_stop())
        await asyncio.wait({closing, again}, return_when=asyncio.FIRST_COMPLETED)
        if closing.done():
            again.cancel()
            closing.result()
            status = 0
        else:
            closing.cancel()
            await asyncio.gather(closing, return_exceptions=True)
            await gateway.close(0)
            status = 128 + stop
        self._service.log.close()
        say("stopped\n")
        return status

    async def _another_stop(self) -> None:
        while await self._signals.get() is getattr(signal, "SIGHUP", None):
            pass


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
        raise CommandError(f"cannot listen on {where}: {_why(error)}") from None
    return listener


def _why(error: OSError) -> str:
    """Return why listening failed; asyncio wraps the system's words in a sentence of its own."""
    import os

    if error.errno is not None and error.errno > 0:
        words = os.strerror(error.errno)
        return words[:1].lower() + words[1:]
    return reason(error)
