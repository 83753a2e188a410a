"""Run a gateway in an event loop of your own, and stop it when you like."""

import asyncio

from policyc.runtime.gateway import Gateway
from policyc.runtime.program import load_program


async def main() -> None:
    """Serve a policy before an upstream until this task is cancelled."""
    program = load_program("benchmarks/w2.policy")
    async with Gateway(program, upstream="http://127.0.0.1:9000") as gateway:
        await gateway.start("127.0.0.1", 8080)
        print("listening on", gateway.addresses)
        await gateway.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
