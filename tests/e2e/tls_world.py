"""A gateway that ends TLS, and clients that speak it, on top of `world`."""

from __future__ import annotations

import asyncio
import ssl

from tests.e2e.authority import Authority, Given
from tests.e2e.world import Client, Reply, World

from policyc.engine.model import EndpointDef, Program
from policyc.runtime.gateway import Apps, Gateway
from policyc.runtime.program import compile_program
from policyc.runtime.settings import Settings

AUTHORITY = Authority()
NAMES = ("a.example", "b.example", "*.wild.example")
SERVER = AUTHORITY.sign(*NAMES)


class TlsWorld:
    """Serves https endpoints with the certificate `SERVER`."""

    def __init__(self, made: World) -> None:
        self.world = made
        self.given = Given(SERVER)

    async def serve(
        self,
        *endpoints: EndpointDef,
        program: Program | None = None,
        settings: Settings | None = None,
        apps: Apps | None = None,
        upstream: str | None = None,
    ) -> None:
        """Start the gateway, in clear and with TLS, on ports of the kernel's choice."""
        made = self.world
        gateway = made.gateway = Gateway(
            program or (Program(endpoints) if endpoints else None),
            settings or Settings(seed=1),
            apps=apps,
            upstream=upstream,
            log=made._take,
            certificates=self.given,
        )
        made._closers.append(lambda: gateway.close(1.0))
        await gateway.start("127.0.0.1", 0)
        await gateway.start_https("127.0.0.1", 0)

    async def run(self, policy: str, settings: Settings | None = None) -> None:
        """Serve what a policy declares."""
        await self.serve(program=compile_program(policy), settings=settings)

    @property
    def port(self) -> int:
        return self.world.gateway.https_addresses[0][1]

    async def client(self, sni: str = "a.example", context: ssl.SSLContext | None = None) -> Client:
        """Connect and shake hands."""
        reader, writer = await asyncio.open_connection(
            "127.0.0.1",
            self.port,
            ssl=context or AUTHORITY.trusted(),
            server_hostname=sni,
            limit=1 << 20,
        )
        client = Client(reader, writer)
        self.world._closers.append(client.close)
        return client

    async def get(
        self, target: str = "/", host: str = "a.example", context: ssl.SSLContext | None = None
    ) -> Reply:
        """Send one request on a connection of its own."""
        client = await self.client(host, context)
        return await client.get(target, host)

    async def alert(self, sni: str = "a.example", context: ssl.SSLContext | None = None) -> str:
        """Return why the handshake, or the first read behind it, fails: OpenSSL's word for the alert."""
        try:
            client = await self.client(sni, context)
            await client.get("/", sni)
        except ssl.SSLError as error:
            return error.reason or str(error)
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            return type(error).__name__
        raise AssertionError("the handshake succeeds")


def session_of(client: Client) -> ssl.SSLObject:
    session: ssl.SSLObject = client.writer.get_extra_info("ssl_object")
    return session
