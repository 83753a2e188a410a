import pytest

from policyc.engine.traffic import (
    Connection,
    EndpointInfo,
    Headers,
    Request,
    Response,
    content_length,
    octets,
    text,
)


def test_any_octets_survive_the_way_through_text() -> None:
    every = bytes(range(256))
    assert octets(text(every)) == every


def test_lines_keep_their_order_and_the_map_is_in_lower_case() -> None:
    headers = Headers([(b"B", b"1"), (b"A", b"2"), (b"b", b"3")])
    assert headers.as_map() == {"b": ["1", "3"], "a": ["2"]}
    assert headers.as_map() is headers.as_map()
    assert headers.get("B") == ["1", "3"]
    assert headers.get("c") == []


def test_changes_keep_lines_and_map_in_step() -> None:
    for asked_before in (False, True):
        headers = Headers([(b"A", b"1"), (b"B", b"2")])
        if asked_before:
            headers.as_map()
        headers.add("A", "3")
        headers.set("B", "4")
        assert headers.lines == [(b"A", b"1"), (b"a", b"3"), (b"b", b"4")]
        assert headers.as_map() == {"a": ["1", "3"], "b": ["4"]}
        assert headers.remove("A")
        assert not headers.remove("A")
        assert headers.as_map() == {"b": ["4"]}


def test_a_change_empties_what_was_derived() -> None:
    headers = Headers([(b"a", b"1")])
    for change in (lambda: headers.add("b", "1"), lambda: headers.remove("b"), lambda: headers.set("a", "2")):
        headers.derived["x"] = 1
        change()
        assert headers.derived == {}


def test_what_has_no_place_of_its_own_is_absent_on_every_record() -> None:
    records = (Connection("1.2.3.4"), Request("GET", "http", "a", "/", Headers()), Response(200, Headers()))
    for record in records:
        assert record.absent is None


def test_an_address_always_names_the_port() -> None:
    info = EndpointInfo("https://a.example.com", "https", "a.example.com", 443)
    assert info.addr == "a.example.com:443"


def test_connection_at_its_start_has_no_octets() -> None:
    connection = Connection("192.0.2.1", 5, "192.0.2.2", 443, server_region="eu")
    connection.bytes_in = connection.bytes_out = 9
    fresh = connection.at_start()
    assert (fresh.bytes_in, fresh.bytes_out) == (0, 0)
    assert (fresh.client_ip, fresh.client_port, fresh.server_region) == ("192.0.2.1", 5, "eu")
    assert connection.bytes_in == 9


@pytest.mark.parametrize(
    ("lines", "length"),
    [
        ([(b"Content-Length", b"12")], 12),
        ([], None),
        ([(b"content-length", b"1"), (b"content-length", b"2")], None),
        ([(b"content-length", b"-1")], None),
        ([(b"content-length", "²".encode())], None),
        ([(b"content-length", b"9" * 5000)], None),
    ],
)
def test_content_length_is_what_can_be_relied_on(
    lines: list[tuple[bytes, bytes]], length: int | None
) -> None:
    assert content_length(Headers(lines)) == length
