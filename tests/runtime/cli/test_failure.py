"""What a command says when it cannot do its work."""

from __future__ import annotations

import errno
import os

import pytest

from policyc.runtime.cli.failure import cannot_listen


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.EACCES, "permission denied; ports below 1024 are for root, or with CAP_NET_BIND_SERVICE"),
        (errno.EADDRNOTAVAIL, "cannot assign requested address; no interface of this machine has it"),
        (errno.EADDRINUSE, "address already in use"),
    ],
)
def test_address_that_cannot_be_listened_on_says_what_helps(number: int, said: str) -> None:
    error = OSError(number, f"error while attempting to bind on address: {os.strerror(number)}")
    assert cannot_listen(":443", error).lines == (f"cannot listen on :443: {said}",)
