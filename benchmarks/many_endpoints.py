"""Run a gateway with many endpoints, as a program embeds it: for test_endpoints.py.

    many_endpoints.py COUNT UPSTREAM_PORT

Half of the endpoints are public, each forwards to an internal one of its own. It says how long it took to
load them, then where it listens.
"""

from __future__ import annotations

import gc
import sys
import time

import uvloop

from policyc.engine.model import Program
from policyc.runtime.declare import declare
from policyc.runtime.embed import compile_policy
from policyc.runtime.gateway import Gateway
from policyc.runtime.settings import Settings

FRONT = """\
on_http_request {
  when req.url.path.startsWith("/internal/") { deny { status_code: 404 } }
  forward-internal "https://${req.host.split('.')[0]}.internal"
}
"""


def program(count: int, upstream: int) -> Program:
    """Return so many endpoints."""
    front = compile_policy(FRONT)
    to = f"http://127.0.0.1:{upstream}"
    public = [declare(f"https://shop{n}.example.com", policy=front) for n in range(count // 2)]
    internal = [declare(f"https://shop{n}.internal", upstream=to) for n in range(count // 2)]
    return Program((*public, *internal))


async def main() -> None:
    """Load, listen, serve."""
    before = time.process_time()
    gateway = Gateway(
        program(int(sys.argv[1]), int(sys.argv[2])), Settings(requests_per_connection=1_000_000)
    )
    print(f"loaded in {time.process_time() - before:.2f} s of CPU", flush=True)
    async with gateway:
        await gateway.start("127.0.0.1", 0)
        gc.collect()
        gc.freeze()
        print("listening on http://{}:{}".format(*gateway.addresses[0]), flush=True)
        await gateway.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
