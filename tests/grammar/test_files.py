import pytest

from policyc.grammar.diagnostic import Report
from policyc.grammar.files import decode, read_document, sniff
from policyc.grammar.source import Source


def said(octets: bytes) -> list[tuple[str, int, int]]:
    report = Report()
    source = decode("x.yaml", octets, report)
    assert (source is None) == report.has_errors
    return [(d.code.id, d.span.line, d.span.column) for d in report]


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (b"", []),
        (b"a: b\n", []),
        ("é: ü".encode(), []),
        (b"\x89PNG\r\n\x1a\n\0\0", [("P0004", 1, 1)]),
        (b"PK\x03\x04", [("P0004", 1, 1)]),
        (b"a\nb\0c", [("P0004", 2, 2)]),
        (b"a: b\nc: \xe9", [("P0005", 2, 4)]),
        ("a: b".encode("utf-16"), [("P0005", 1, 1)]),
        ("on_http_request:".encode("utf-16-le"), [("P0005", 1, 1)]),
        ("on_http_request:".encode("utf-16-be"), [("P0005", 1, 1)]),
        ("a: b".encode("utf-32"), [("P0005", 1, 1)]),
        (b"a: b\nc\x07", [("P0006", 2, 2)]),
        (b"x" * (1024 * 1024 + 1), [("P0801", 1, 1)]),
    ],
)
def test_what_is_no_text_is_told_with_its_place(octets: bytes, expected: list[tuple[str, int, int]]) -> None:
    assert said(octets) == expected


def test_a_mark_is_left_out_and_line_ends_stay() -> None:
    source = decode("x.yaml", b"\xef\xbb\xbfa: 1\r\nb: 2\r\n", Report())
    assert source is not None
    assert source.text == "a: 1\r\nb: 2\r\n"
    assert source.position(source.text.index("2")) == (2, 4)
    assert source.line(1) == "a: 1"


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("# c\non_http_request:\n", "yaml"),
        ("---\na: b", "yaml"),
        ("- a", "yaml"),
        ('"on_http_request": []', "yaml"),
        ('  {"a": 1}', "json"),
        ("[]", "json"),
        ("let a = 1", "policy"),
        ("// c\non_http_request { deny }", "policy"),
        ('endpoint "https://a.b" {}', "policy"),
        ("", "policy"),
    ],
)
def test_a_name_that_says_nothing_is_sniffed(text: str, form: str) -> None:
    assert sniff(text) == form


@pytest.mark.parametrize(
    ("name", "text", "form"),
    [
        ("a.policy", "deny: x", "policy"),
        ("a.YAML", "on_http_request: []", "yaml"),
        ("a.yml", "on_http_request: []", "yaml"),
        ("a.json", "{}", "json"),
        ("a.yaml", "version: 3", "agent"),
        ("stdin", "on_http_request: []", "yaml"),
    ],
)
def test_the_name_chooses_the_front_end(name: str, text: str, form: str) -> None:
    assert read_document(Source(name, text), Report()).form == form
