from policyc.engine.image.later import Entries, Later


def test_a_value_is_read_when_it_is_asked_for() -> None:
    asked: list[bytes] = []

    def read(octets: bytes) -> str:
        asked.append(octets)
        return octets.decode()

    later: Later[str] = Later(read, b"a")
    entries: Entries[str] = Entries(read, {1: b"b", 2: b"c"})
    assert asked == []
    assert later() == "a"
    assert entries[2] == "c"
    assert asked == [b"a", b"c"]
    assert list(entries) == [1, 2]
    assert len(entries) == 2
