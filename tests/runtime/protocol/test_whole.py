"""llhttp as the judge of whole messages, and that it lets nothing through that a plain head would not."""

from __future__ import annotations

import itertools

import pytest

from policyc.runtime.protocol.plain_head import plain_heads
from policyc.runtime.protocol.whole import WholeMessages

REQUEST = b"GET /a HTTP/1.1\r\nHost: a.example\r\n%b\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n%b\r\n"


@pytest.mark.parametrize(
    ("octets", "one"),
    [
        (REQUEST % b"", True),
        (REQUEST % b"" * 2, False),
        (REQUEST[:-4], False),
        (REQUEST % b"A: \0\r\n", False),
        (REQUEST % b"Upgrade: x\r\nConnection: upgrade\r\n", False),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab", True),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na", False),
        (b"", False),
    ],
)
def test_one_whole_request_is_one(octets: bytes, one: bool) -> None:
    judge = WholeMessages(requests=True)
    assert judge.is_one(octets) is one
    assert judge.is_one(REQUEST % b""), "what came before leaves nothing behind"


def test_response_is_whole_with_all_of_its_body() -> None:
    judge = WholeMessages(requests=False)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"
    assert judge.is_one(head + b"abc")
    assert not judge.is_one(head + b"ab")
    assert judge.is_one(head + b"abc")


def test_parser_is_replaced_after_a_message_that_says_that_none_follows() -> None:
    judge = WholeMessages(requests=True)
    for _ in range(3):
        assert judge.is_one(REQUEST % b"Connection: close\r\n", last=True)


def test_llhttp_accepts_no_line_that_is_not_well_formed() -> None:
    """Why remembering what was read of field lines passes by no check: llhttp took these very lines."""
    heads = plain_heads(100)
    special = (b"\r", b"\n", b"\0", b" ", b"\t", b":", b"a", b"\x80", b"\x7f", b"(")
    lines = [
        line % bytes([octet])
        for octet in range(256)
        for line in (
            b"%bab: v\r\n",
            b"a%bb: v\r\n",
            b"ab%b: v\r\n",
            b"ab:%bv\r\n",
            b"ab: v%bw\r\n",
            b"ab: v%b\n",
        )
    ]
    lines += [b"ab: v%b\r\n" % b"".join(some) for some in itertools.product(special, repeat=3)]
    for kind, template in ((True, REQUEST), (False, RESPONSE)):
        judge = WholeMessages(requests=kind)
        accepted = 0
        for line in lines:
            octets = template % line
            if octets.find(b"\r\n\r\n") != len(octets) - 4 or not judge.is_one(octets):
                continue
            accepted += 1
            plain = heads.request(octets) if kind else heads.response(octets)
            assert plain is not None, line
        assert accepted > 400
