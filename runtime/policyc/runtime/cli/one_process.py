"""The gateway in this process: how it starts, changes and ends under the command."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from policyc.runtime.cli import banner
from policyc.runtime.cli.address import shown_address
from policyc.runtime.cli.failure import CommandError, cannot_listen, reason
from policyc.runtime.gateway import Gateway, GatewayError, Prepared
from policyc.runtime.parcel import Parcel
from policyc.runtime.program import uncollected

if TYPE_CHECKING:
    from policyc.engine.model import Program
    from policyc.runtime.cli.programs import ProgramLoader
    from policyc.runtime.metrics import Samples
    from policyc.runtime.observe import AccessLog
    from policyc.runtime.program import Built

_SWITCH_S = 0.0005


class Service(NamedTuple):
    """What to serve, and how: `make` gives the gateway of a program, `apps` counts applications by URL.

    `told` are lines that are said at the start.
    """

    make: Callable[[Program], Gateway]
    loader: ProgramLoader
    address: tuple[str, int]
    https: Sequence[tuple[str, int]]
    tcp: str
    tls: tuple[str, int] | None
    log: AccessLog
    apps: Mapping[str, int]
    upstream: str | None
    account: str
    told: Sequence[str] = ()


class OneProcess:
    """Serves in this process: a `serving.Site`."""

    def __init__(
        self, service: Service, first: Parcel | Built | Callable[[], Awaitable[Parcel | Built]]
    ) -> None:
        """Nothing listens before `start`; `first` is the program that is served then, or what makes it."""
        self._service = service
        self.digest = ""
        self._first: Parcel | Built | Callable[[], Awaitable[Parcel | Built]] | None = first
        self._gateway: Gateway | None = None
        self._prepared: Prepared | None = None
        self._prepared_digest = ""

    async def start(self) -> list[str]:
        """Listen; return the lines that say where and for what. Raises CommandError."""
        service = self._service
        first, self._first = self._first, None
        assert first is not None
        _set_aside()
        if callable(first):
            first = await first()
        self.digest = first.digest
        program = await _program_of(first)
        service.loader.fit(program)
        try:
            gateway = service.make(program)
        except GatewayError as error:
            raise CommandError(f"cannot serve: {error}", status=1) from None
        try:
            at = service.address
            await gateway.start(*at)
            for at in service.https:
                await gateway.start_https(*at)
            await gateway.start_streams(service.tcp, service.tls)
        except OSError as error:
            await gateway.close(0)
            where = error.filename or shown_address(*at)
            raise cannot_listen(where, error) from None
        self._gateway = gateway
        _settle()
        return self._lines(program)

    async def change(self, compiled: Parcel | Built) -> list[str]:
        """Serve another program; return lines as `start` does. After a CommandError nothing has changed."""
        await self.prepare(compiled)
        return self.adopt()

    async def prepare(self, compiled: Parcel | Built) -> None:
        """Get another program ready to be served. Raises CommandError."""
        program = await _program_of(compiled)
        self._service.loader.fit(program)
        self.drop()
        try:
            self._prepared = self.gateway.prepare(program)
            self._prepared_digest = compiled.digest
        except GatewayError as error:
            raise CommandError(str(error)) from None

    def adopt(self) -> list[str]:
        """Serve what was prepared, and return lines as `start` does."""
        prepared, self._prepared = self._prepared, None
        assert prepared is not None
        assert prepared.program is not None
        self.gateway.adopt(prepared)
        self.digest = self._prepared_digest
        _settle()
        return self._lines(prepared.program)

    def drop(self) -> None:
        """Forget what was prepared."""
        prepared, self._prepared = self._prepared, None
        if prepared is not None:
            self.gateway.drop(prepared)

    @property
    def gateway(self) -> Gateway:
        """The gateway, once it has started."""
        assert self._gateway is not None
        return self._gateway

    async def reopen_log(self) -> None:
        """Open the access log anew. Raises CommandError, and then it goes on as it was."""
        try:
            self._service.log.reopen()
        except OSError as error:
            raise CommandError(reason(error)) from None

    @property
    def state(self) -> str:
        """`starting`, `ready` or `draining`."""
        return "starting" if self._gateway is None else self._gateway.state

    async def connections(self) -> int:
        """Return how many client connections there are."""
        return 0 if self._gateway is None else self._gateway.connection_count

    async def samples(self) -> Samples:
        """Return the metrics of this moment."""
        return {} if self._gateway is None else self._gateway.collect()

    async def close(self) -> None:
        """Let requests in flight finish, then end."""
        if self._gateway is not None:
            await self._gateway.close()
        self._service.log.close()

    async def cut(self) -> None:
        """Cut what is in flight: `close` comes to its end."""
        if self._gateway is not None:
            self._gateway.cut()

    def _lines(self, program: Program) -> list[str]:
        service, gateway = self._service, self.gateway
        return [
            *banner.endpoints(program, service.apps, service.upstream, service.account),
            *banner.notices(program, gateway.notices, has_tls=bool(service.https)),
            *service.told,
            *banner.listening(gateway.addresses),
            *banner.listening(gateway.https_addresses, "https"),
            *banner.streams(gateway.stream_places),
        ]


async def _program_of(compiled: Parcel | Built) -> Program:
    if isinstance(compiled, Parcel):
        return await asyncio.to_thread(_load, compiled)
    return compiled.program


def _load(parcel: Parcel) -> Program:
    """Load a program in a thread, and let the loop have its turn often meanwhile."""
    from policyc.engine.image.reading import Unreadable

    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_S)
    try:
        with uncollected():
            return parcel.load()
    except Unreadable as error:
        raise CommandError(f"what was compiled cannot be read: {error}") from None
    finally:
        sys.setswitchinterval(before)


def _set_aside() -> None:
    """Keep the garbage collector from looking again and again at the code: what is here by now stays."""
    gc.collect()
    gc.freeze()


def _settle() -> None:
    """Let go of what is not served any more: a program refers to itself in circles, so nothing else frees it.

    What is served is not set aside (it goes one day), and neither are the connections of this moment.
    """
    gc.collect()
