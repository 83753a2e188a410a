"""What the system says of this process: memory, CPU time, descriptors; and how many of the last it may have.

Read from /proc where there is one; a figure that the system does not give is left out.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from policyc.runtime.metrics import Samples


def process_samples() -> Samples:
    """Return the metrics of this process."""
    times = os.times()
    samples: Samples = {"process_cpu_seconds_total": {(): times.user + times.system}}
    octets = resident_bytes()
    if octets:
        samples["process_resident_memory_bytes"] = {(): octets}
    count = open_descriptors()
    if count:
        samples["process_open_fds"] = {(): count}
    return samples


def resident_bytes() -> int:
    """Return the memory in use, 0 if unknown."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0


def open_descriptors() -> int:
    """Return how many file descriptors are open, 0 if unknown."""
    for folder in ("/proc/self/fd", "/dev/fd"):
        try:
            return len(os.listdir(folder)) - 1  # the listing itself needs one
        except OSError:
            continue
    return 0


def descriptor_limit() -> int:
    """Return how many descriptors this process may have, 0 if there is no such limit."""
    try:
        import resource
    except ImportError:  # there is none for Windows
        return 0
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 0 if soft == resource.RLIM_INFINITY else soft


def raise_descriptor_limit() -> None:
    """Allow this process as many descriptors as it may allow itself."""
    try:
        import resource
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):  # a system may cap it lower than it says
            return
