"""Register an ASGI application as an internal endpoint: what is forwarded to it stays in this process."""

import asyncio

from policyc.runtime.gateway import Gateway
from policyc.runtime.program import load_program
from shop_app import app


async def main() -> None:
    """Serve the application behind the policy of one public endpoint."""
    gateway = Gateway(load_program("examples/front.policy", apps=["https://app.internal"]))
    gateway.endpoint("https://app.internal", app=app)
    async with gateway:
        await gateway.start("127.0.0.1", 8080)
        await gateway.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
