import pytest

from policyc.engine.cel.checksums import crc64


@pytest.mark.parametrize(
    ("octets", "checksum"), [(b"", 0), (b"hello", 0x3C3EEEE2D8100000), (b"123456789", 0xB90956C775A41001)]
)
def test_crc64_of_iso_3309(octets: bytes, checksum: int) -> None:
    assert crc64(octets) == checksum
