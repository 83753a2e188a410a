"""A compiled program as octets, to be handed to another process of this installation.

What is in a parcel runs as code, so there are two places that one may come from: a process that we started
ourselves, and a file that we have signed (program_cache.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import NamedTuple

from policyc.engine.image.reading import load
from policyc.engine.model import Program
from policyc.engine.phases import Binding, Protocol
from policyc.grammar.source import Source


class Parcel(NamedTuple):
    """A program, and what one may want to know before it is loaded. Made of plain values only.

    `warnings` is how many there were, `texts` are the sources by name, `tcp_ports` those of the public tcp
    endpoints.
    """

    warnings: int
    texts: tuple[tuple[str, str], ...]
    tcp_ports: tuple[int, ...]
    has_tls: bool
    image: bytes

    def load(self) -> Program:
        """Return the program. Raises `engine.image.reading.Unreadable` for an image of another version."""
        program: Program = load(self.image, [Source(name, text) for name, text in self.texts])
        return program

    @property
    def digest(self) -> str:
        """What the configuration is known by: two gateways that show the same have the same policies."""
        return digest_of(text for _, text in self.texts)


def pack(program: Program, sources: Sequence[Source], warnings: int) -> Parcel:
    """Return the parcel of a program that was compiled from `sources`.

    Raises `engine.image.writing.Unsaved` for one that has no image.
    """
    from policyc.engine.image.writing import dump

    public = [each.url for each in program.endpoints if each.binding is not Binding.INTERNAL]
    return Parcel(
        warnings,
        tuple((source.name, source.text) for source in sources),
        tuple(sorted({url.port for url in public if url.scheme is Protocol.TCP})),
        any(url.scheme is Protocol.TLS for url in public),
        dump(program, sources),
    )


def digest_of(texts: Iterable[str]) -> str:
    """Return 16 hexadecimal digits that tell the texts of one configuration from those of another."""
    hashed = blake2b(digest_size=8)
    for text in texts:
        octets = text.encode("utf-8", "surrogatepass")
        hashed.update(len(octets).to_bytes(8, "little"))
        hashed.update(octets)
    return hashed.hexdigest()
