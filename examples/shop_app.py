"""What stands behind `shop.policy`: a few pages, and an API of two members. Plain ASGI, no framework.

    policyc run examples/shop.policy \\
      --app https://app.internal=examples/shop_app.py:app \\
      --app https://api.internal=examples/shop_app.py:api_one \\
      --app https://api.internal=examples/shop_app.py:api_two
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

_PAGES = {
    "/": "Welcome to the shop.",
    "/tea": "Tea, 250 g.",
    "/milk": "Milk, 1 l.",
    "/admin/": "The back office.",
}


async def app(scope: Message, receive: Receive, send: Send) -> None:
    """Answer with a page, and with the headers that arrived, so that one sees what the policy changed."""
    page = _PAGES.get(scope["path"])
    if page is None:
        await _answer(send, 404, b"no such page\n", b"text/plain")
        return
    lines = [page, ""]
    lines += [f"{name.decode('latin-1')}: {value.decode('latin-1')}" for name, value in scope["headers"]]
    await _answer(send, 200, ("\n".join(lines) + "\n").encode(), b"text/plain; charset=utf-8")


def api(member: str) -> App:
    """Return an API app that says which member of the pool it is."""

    async def answer(scope: Message, receive: Receive, send: Send) -> None:
        stock = {"member": member, "path": scope["path"], "stock": {"tea": 12, "milk": 3}}
        await _answer(send, 200, json.dumps(stock).encode() + b"\n", b"application/json")

    return answer


api_one = api("one")
api_two = api("two")


async def _answer(send: Send, status: int, body: bytes, content_type: bytes) -> None:
    headers = [(b"content-type", content_type), (b"server", b"shop"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
