from __future__ import annotations

import marshal
import subprocess
import sys

import pytest

from policyc.engine.image.writing import Unsaved
from policyc.engine.options import Options
from policyc.grammar.diagnostic import Report
from policyc.grammar.source import Source
from policyc.runtime.parcel import Parcel, digest_of, pack
from policyc.runtime.program import build, build_parcel

OPTIONS = Options(for_run=True)
TEXT = """
endpoint "tcp://a.example.com:4000" { on_tcp_connect { deny } }
endpoint "tcp://b.internal:4001" { on_tcp_connect { deny } }
endpoint "tls://a.example.com" { on_tcp_connect { deny } }
endpoint "https://a.example.com" { on_http_request { deny 404 } }
"""


def parcel(text: str = TEXT) -> Parcel:
    return build_parcel([Source("a.policy", text)], OPTIONS, Report())


def test_another_process_loads_it() -> None:
    code = (
        "import marshal, sys; from policyc.runtime.parcel import Parcel; "
        "print(len(Parcel(*marshal.loads(sys.stdin.buffer.read())).load().endpoints))"
    )
    octets = marshal.dumps(tuple(parcel()))
    done = subprocess.run([sys.executable, "-c", code], input=octets, capture_output=True, timeout=30)
    assert (done.stdout, done.stderr) == (b"4\n", b"")


def test_it_tells_the_listeners_of_public_endpoints() -> None:
    made = parcel()
    assert (made.tcp_ports, made.has_tls) == ((4000,), True)
    plain = parcel('endpoint "tls://b.internal" { on_tcp_connect { deny } }')
    assert (plain.tcp_ports, plain.has_tls) == ((), False)


def test_digest_is_of_the_texts_and_that_of_the_program() -> None:
    assert parcel().digest == parcel().digest == digest_of([TEXT])
    assert parcel(TEXT + " ").digest != parcel().digest
    assert digest_of(["ab", "c"]) != digest_of(["a", "bc"])
    assert digest_of(["\udc80"]) != digest_of(["\udc81"])
    for cached in (True, False, True):
        made = build([Source("a.policy", TEXT)], OPTIONS, Report(), cached=cached)
        assert made.digest == parcel().digest


def test_what_has_no_image_cannot_be_packed() -> None:
    made = build([Source("a.policy", "on_http_request { when int(req.url.path) == 1 { deny } }")], OPTIONS,
                 Report(), cached=False)  # fmt: skip
    with pytest.raises(Unsaved):
        pack(made.program, [Source("another", "")], 0)
