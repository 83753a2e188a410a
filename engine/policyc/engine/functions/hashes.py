"""Digests of text (spec/variables.md §9.3): as a function `hash.md5(s)` and as a method `s.md5()`.

The result is lower-case hexadecimal, or base64 where the second argument says `base64`.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable

from policyc.engine.cel.checksums import crc64
from policyc.engine.cel.prices import characters, price
from policyc.engine.function import Dialect, Function, Overload
from policyc.engine.types import STRING
from policyc.engine.values import EvalError

Digest = Callable[[bytes], bytes]


def _crc32(octets: bytes) -> bytes:
    import zlib

    return zlib.crc32(octets).to_bytes(4, "big")


def _crc64(octets: bytes) -> bytes:
    return crc64(octets).to_bytes(8, "big")


def _xxhash64(octets: bytes) -> bytes:
    import xxhash

    return xxhash.xxh64_digest(octets)


def _standard(name: str) -> Digest:
    def digest(octets: bytes) -> bytes:
        import hashlib

        return hashlib.new(name, octets, usedforsecurity=False).digest()

    return digest


def _functions(name: str, what: str, digest: Digest, each: float, of_hello: str) -> tuple[Function, Function]:
    """Declare both forms; `each` is what a character costs."""

    def plain(text: str) -> str:
        return digest(text.encode("utf-8", "surrogateescape")).hex()

    def formatted(text: str, form: str) -> str:
        octets = digest(text.encode("utf-8", "surrogateescape"))
        if form == "hex":
            return octets.hex()
        if form == "base64":
            return binascii.b2a_base64(octets, newline=False).decode("ascii")
        raise EvalError("invalid_argument", f"a digest is written as `hex` or `base64`, not as `{form[:64]}`")

    cost = price(60, each)
    doc = f"The {what} of the text, as `hex` (if nothing is said) or `base64`."
    return (
        Function(
            f"hash.{name}",
            doc,
            (
                Overload(
                    f"hash_{name}",
                    (STRING,),
                    STRING,
                    plain,
                    dialect=Dialect.TRAFFIC,
                    cost=cost,
                    size=characters(128),
                ),
                Overload(
                    f"hash_{name}_format",
                    (STRING, STRING),
                    STRING,
                    formatted,
                    dialect=Dialect.TRAFFIC,
                    cost=cost,
                    size=characters(128),
                ),
            ),
            ((f"hash.{name}('hello')", f"'{of_hello}'"),),
        ),
        Function(
            name,
            doc,
            (
                Overload(
                    f"string_{name}",
                    (STRING,),
                    STRING,
                    plain,
                    True,
                    dialect=Dialect.TRAFFIC,
                    cost=cost,
                    size=characters(128),
                ),
                Overload(
                    f"string_{name}_format",
                    (STRING, STRING),
                    STRING,
                    formatted,
                    True,
                    dialect=Dialect.TRAFFIC,
                    cost=cost,
                    size=characters(128),
                ),
            ),
            ((f"'hello'.{name}('hex')", f"'{of_hello}'"),),
        ),
    )


FUNCTIONS = (
    *_functions("crc32", "CRC-32 checksum (IEEE)", _crc32, 0.1, "3610a686"),
    *_functions("crc64", "CRC-64 checksum (ISO)", _crc64, 10, "3c3eeee2d8100000"),
    *_functions("md5", "MD5 digest", _standard("md5"), 0.3, "5d41402abc4b2a76b9719d911017c592"),
    *_functions("sha1", "SHA-1 digest", _standard("sha1"), 0.2, "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"),
    *_functions(
        "sha256",
        "SHA-256 digest",
        _standard("sha256"),
        0.2,
        "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
    ),
    *_functions(
        "sha512",
        "SHA-512 digest",
        _standard("sha512"),
        0.3,
        "9b71d224bd62f3785d96d46ad3ea3d73319bfbc2890caadae2dff72519673ca7"
        "2323c3d99ba5c11d7c7acc6e14b8c5da0c4663475c2e5c3adef46f73bcdec043",
    ),
    *_functions("xxhash64", "xxHash (64 bits, seed 0)", _xxhash64, 0.1, "26c7827d889f6da3"),
)
