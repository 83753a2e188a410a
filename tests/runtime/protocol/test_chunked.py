"""The chunked coding by itself: where it ends, what it costs."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyc.runtime.protocol.chunked import LAST_CHUNK, ChunkedReader, chunk
from policyc.runtime.protocol.refusal import Refused


def test_reader_says_how_many_octets_are_its_own() -> None:
    reader = ChunkedReader(100, 100)
    octets = b"2\r\nab\r\n0\r\nt: 1\r\n\r\n"
    assert reader.feed(octets + b"GET /") == ([b"ab"], len(octets))
    assert reader.done
    assert reader.trailers == [b"t: 1"]


@given(st.lists(st.binary(min_size=1, max_size=30), max_size=5), st.lists(st.integers(0, 200), max_size=8))
def test_what_is_written_is_read_back_from_any_pieces(bodies: list[bytes], cuts: list[int]) -> None:
    octets = b"".join(map(chunk, bodies)) + LAST_CHUNK
    edges = [0, *sorted(min(cut, len(octets)) for cut in cuts), len(octets)]
    reader = ChunkedReader(100, 100)
    read, used = [], 0
    for begin, end in pairwise(edges):
        pieces, taken = reader.feed(octets[begin:end])
        read += pieces
        used += taken
    assert (b"".join(read), used, reader.done) == (b"".join(bodies), len(octets), True)


def test_many_semicolons_are_read_in_linear_time() -> None:
    reader = ChunkedReader(100, 100)
    with pytest.raises(Refused, match="bad_chunk"):
        reader.feed(b"1" + b";a" * 2000 + b"\x01\r\n")


def test_endless_size_line_is_refused_before_its_end() -> None:
    reader = ChunkedReader(1 << 20, 100)
    with pytest.raises(Refused, match="bad_chunk"):
        reader.feed(b"0" * 5000)
