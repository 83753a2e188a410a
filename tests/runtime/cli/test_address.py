from __future__ import annotations

import argparse

import pytest

from policyc.runtime.cli.address import (
    AdminAddress,
    admin_address,
    listen_address,
    listen_host,
    shown_address,
)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080),
        ("8080", "127.0.0.1", 8080),
        ("0", "127.0.0.1", 0),
        (":80", "0.0.0.0", 80),
        ("[::1]:8080", "::1", 8080),
        ("localhost:1", "localhost", 1),
        ("0.0.0.0:65535", "0.0.0.0", 65535),
    ],
)
def test_address_in_its_short_forms(text: str, host: str, port: int) -> None:
    assert listen_address(text) == (host, port)


@pytest.mark.parametrize(
    "text", ["", "x", "localhost", "::1:80", "1.2.3.4:", "a:65536", "http://a:80", "a b:1"]
)
def test_what_is_no_address_is_wrong_usage(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="no address"):
        listen_address(text)


def test_address_of_version_six_is_shown_in_brackets() -> None:
    assert shown_address("::1", 80) == "[::1]:80"
    assert shown_address("127.0.0.1", 80) == "127.0.0.1:80"


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "0.0.0.0"),
        ("::1", "::1"),
        ("[::]", "::"),
        ("lo.example", "lo.example"),
    ],
)
def test_host_of_tcp_endpoints(text: str, host: str) -> None:
    assert listen_host(text) == host


@pytest.mark.parametrize("text", ["", "127.0.0.1:80", "a/b", "a b", "[::1"])
def test_host_of_tcp_endpoints_has_no_port(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="no address"):
        listen_host(text)


def test_admin_listener_can_be_moved_and_left_out() -> None:
    assert admin_address("off") is None
    assert admin_address("9000") == AdminAddress("127.0.0.1", 9000, is_asked_for=True)
    with pytest.raises(argparse.ArgumentTypeError, match="no address"):
        admin_address("on")
