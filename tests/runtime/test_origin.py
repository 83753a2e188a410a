"""Upstream servers and applications answer to one interface."""

from __future__ import annotations

import inspect

import pytest

from policyc.runtime.asgi import AsgiCall, AsgiOrigin
from policyc.runtime.exchange import HttpExchange
from policyc.runtime.origin import Call, Listener, Origin
from policyc.runtime.transport.upstream import HttpCall, HttpOrigin


@pytest.mark.parametrize(
    ("interface", "made"),
    [
        (Origin, HttpOrigin),
        (Origin, AsgiOrigin),
        (Call, HttpCall),
        (Call, AsgiCall),
        (Listener, HttpExchange),
    ],
)
def test_interface_is_implemented_with_the_same_parameters(interface: type, made: type) -> None:
    for name, method in inspect.getmembers(interface, inspect.isfunction):
        if name.startswith("_"):
            continue
        own = inspect.signature(getattr(made, name)).parameters
        assert list(own) == list(inspect.signature(method).parameters), name
