"""Location goes back to the endpoint's own host where a policy rewrote Host."""

from __future__ import annotations

import pytest

from policyc.runtime.location import restore_location


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"http://app.local:9000/x?y#z", b"https://a.example:8443/x?y#z"),
        (b"HTTPS://APP.local:9000", b"https://a.example:8443"),
        (b"http://app.local/x", b"http://app.local/x"),
        (b"http://app.local:9000.evil/x", b"http://app.local:9000.evil/x"),
        (b"https://other.example/", b"https://other.example/"),
        (b"/x", b"/x"),
        (b"//app.local:9000/x", b"//app.local:9000/x"),
    ],
)
def test_location_on_the_rewritten_host_is_restored(value: bytes, expected: bytes) -> None:
    lines = [(b"x", value), (b"Location", value)]
    made = restore_location(lines, "app.local:9000", "https://a.example:8443")
    assert made == [(b"x", value), (b"Location", expected)]
