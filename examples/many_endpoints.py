"""Serve 100,000 endpoints that no file holds: one policy for all, an upstream for each."""

import asyncio
import gc

from policyc.engine.model import Program
from policyc.runtime.declare import declare
from policyc.runtime.embed import compile_policy
from policyc.runtime.gateway import Gateway


async def main(count: int = 100_000, upstream: str = "9000") -> None:
    """Serve an endpoint per shop; the policy sees which one it is."""
    policy = compile_policy('on_http_request { add-headers { headers: { "x-shop": "${endpoint.host}" } } }')
    shops = (f"shop{n}.example.com" for n in range(count))
    program = Program(tuple(declare(f"http://{s}", policy=policy, upstream=upstream) for s in shops))
    async with Gateway(program) as gateway:
        await gateway.start("127.0.0.1", 8080)
        gc.freeze()  # the collector need not look at all of them again
        await gateway.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
