"""`--http ADDR`, `--admin ADDR`: where to listen, in the short forms that people write."""

from __future__ import annotations

import argparse
import re
from typing import NamedTuple


class AdminAddress(NamedTuple):
    """Where the admin listener is; one that nobody asked for may be missing."""

    host: str
    port: int
    is_asked_for: bool


DEFAULT = ("127.0.0.1", 8080)
DEFAULT_TCP = "127.0.0.1"
DEFAULT_TLS = ("127.0.0.1", 8443)
DEFAULT_ADMIN = AdminAddress("127.0.0.1", 9901, is_asked_for=False)

_ADDRESS = re.compile(r"(?:(?P<host>\[[0-9A-Fa-f:.%]+\]|[^\[\]:/\s]*):)?(?P<port>\d{1,5})")


def listen_address(text: str) -> tuple[str, int]:
    """Return host and port of `127.0.0.1:8080`, `[::1]:8080`, `:8080` (every address) or `8080` (loopback).

    Port 0 lets the system choose. Raises ArgumentTypeError, which argparse turns into wrong usage.
    """
    match = _ADDRESS.fullmatch(text)
    if match is None or int(match["port"]) > 65535:
        raise argparse.ArgumentTypeError(
            f"`{text}` is no address to listen on: write 127.0.0.1:8080 or :8080"
        )
    host = match["host"]
    if host is None:
        return DEFAULT[0], int(match["port"])
    return host.strip("[]") or "0.0.0.0", int(match["port"])  # noqa: S104  # `:8080` asks for every address


def admin_address(text: str) -> AdminAddress | None:
    """Return where the admin listener shall be, None for `off`. Raises ArgumentTypeError."""
    if text == "off":
        return None
    return AdminAddress(*listen_address(text), is_asked_for=True)


def listen_host(text: str) -> str:
    """Return the address that tcp endpoints listen at, each at its own port. Raises ArgumentTypeError."""
    if not re.fullmatch(r"\[[0-9A-Fa-f:.]+\]|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*|[^\[\]:/\s]+", text):
        raise argparse.ArgumentTypeError(
            f"`{text}` is no address: write 127.0.0.1 or 0.0.0.0; ports are those of the endpoints"
        )
    return text.strip("[]")


def shown_address(host: str, port: int) -> str:
    """Return an address as it stands in a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
