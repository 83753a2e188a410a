import base64
import hashlib

import pytest
from tests.engine.functions.evaluation import error_of, evaluate


@pytest.mark.parametrize("name", ["md5", "sha1", "sha256", "sha512"])
def test_digests_are_of_the_utf8_octets(name: str) -> None:
    digest = hashlib.new(name, "héllo".encode()).digest()
    assert evaluate(f"hash.{name}('héllo')") == digest.hex()
    assert evaluate(f"'héllo'.{name}('base64')") == base64.b64encode(digest).decode()


@pytest.mark.parametrize(
    ("name", "empty"),
    [("crc32", "00000000"), ("crc64", "0000000000000000"), ("xxhash64", "ef46db3751d8e999")],
)
def test_checksums_keep_their_leading_zeros(name: str, empty: str) -> None:
    assert evaluate(f"hash.{name}('')") == empty


def test_unknown_format_is_an_error() -> None:
    assert error_of("hash.md5('a', 'HEX')") == "invalid_argument"
