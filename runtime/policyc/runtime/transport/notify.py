"""What a service tells systemd (`Type=notify`): ready, reloading, stopping, and that it is alive. See
sd_notify(3).

Where no service manager listens, nothing is sent.
"""

from __future__ import annotations

import logging
import os
import socket
import time

_log = logging.getLogger(__name__)


def notify(*assignments: str) -> bool:
    """Tell the service manager; return whether there is one and it was told."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path.startswith(("/", "@")):
        return False
    address = "\0" + path[1:] if path.startswith("@") else path  # the abstract namespace
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.connect(address)
            sock.sendall("\n".join(assignments).encode())
    except OSError as error:
        _log.warning("the service manager cannot be told: %s", error)
        return False
    return True


def reloading() -> bool:
    """Tell that a reload begins; `READY=1` ends it."""
    microseconds = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    return notify("RELOADING=1", f"MONOTONIC_USEC={microseconds}")


def watchdog_s() -> float | None:
    """Return how often the service manager wants to hear `WATCHDOG=1`, None where it does not."""
    microseconds, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not microseconds.isdecimal() or int(microseconds) == 0 or pid not in ("", str(os.getpid())):
        return None
    return int(microseconds) / 1e6 / 2
