"""From the octets of a file to a source, and from a source to its document by the right front end."""

from __future__ import annotations

from policyc.grammar import limits
from policyc.grammar.codes import Code, declare
from policyc.grammar.diagnostic import Report
from policyc.grammar.source import Source
from policyc.grammar.syntax import Document

BINARY_FILE = declare(
    "P0004",
    "binary-file",
    "the file is no text",
    explanation="The file holds NUL octets, or looks like an archive, an image or a program. A policy is a "
    "text in UTF-8.",
    wrong="(an image)",
    right="on_http_request { deny }",
    ngrok=2236,
)
WRONG_ENCODING = declare(
    "P0005",
    "wrong-encoding",
    "the file is not in UTF-8",
    explanation="Policies are read as UTF-8 (a byte order mark in front is fine). Save the file as UTF-8.",
    wrong="(a file in UTF-16 or Latin-1)",
    right="on_http_request { deny }",
    ngrok=2236,
)
CONTROL_CHARACTER = declare(
    "P0006",
    "control-character",
    "a control character stands in the file",
    explanation="Besides line ends and tabs, control characters have no place in a policy; in a string "
    "write an escape.",
    wrong="(a file with a bell in it)",
    right='let bell = "\\a"',
    ngrok=2236,
)

_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_MAGIC = (
    b"\x7fELF",
    b"\x89PNG",
    b"GIF8",
    b"\xff\xd8\xff",
    b"PK\x03\x04",
    b"\x1f\x8b",
    b"%PDF",
    b"BZh",
    b"\xfd7zXZ",
    b"MZ\x90",
)
_CONTROLS = frozenset(chr(c) for c in (*range(9), 11, *range(14, 32), 127))


def decode(name: str, octets: bytes, report: Report) -> Source | None:
    """Return the text of a file as a source, or None after reporting why it is none.

    A byte order mark is left out; line ends stay as they are, so that columns are right.
    """
    empty = Source(name, "")

    def refuse(code: Code, message: str, hint: str | None = None, before: bytes = b"") -> None:
        # What can be read of the text before the fault gives line and column.
        source = Source(name, before.decode("utf-8", "replace")) if before else empty
        at = len(source.text)
        report.add(code, message, source.span(at, at), hint=hint)

    if len(octets) > report.limits.document_bytes:
        message = f"the file has {len(octets):,} octets, at most {report.limits.document_bytes:,} are read"
        refuse(limits.DOCUMENT_TOO_LARGE, message)
        return None
    if octets.startswith((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")):
        refuse(WRONG_ENCODING, "the file is in UTF-32", "save it as UTF-8")
        return None
    if octets.startswith(_UTF16) or _looks_like_utf16(octets):
        refuse(WRONG_ENCODING, "the file is in UTF-16", "save it as UTF-8")
        return None
    if octets.startswith(_MAGIC):
        refuse(BINARY_FILE, "the file is binary, not a text")
        return None
    body = octets[3:] if octets.startswith(b"\xef\xbb\xbf") else octets
    nul = body.find(b"\0")
    if nul >= 0:
        refuse(BINARY_FILE, "the file is binary: it holds NUL octets", before=body[:nul])
        return None
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"the octet 0x{body[error.start]:02x} is not UTF-8"
        refuse(WRONG_ENCODING, message, "save the file as UTF-8", before=body[: error.start])
        return None
    source = Source(name, text)
    if not _CONTROLS.isdisjoint(text):
        at = next(i for i, c in enumerate(text) if c in _CONTROLS)
        message = f"a control character (U+{ord(text[at]):04X}) stands in the file"
        report.add(
            CONTROL_CHARACTER, message, source.span(at, at + 1), hint="remove it, or write it as an escape"
        )
        return None
    return source


def _looks_like_utf16(octets: bytes) -> bool:
    """Whether every second octet of the beginning is NUL, as in UTF-16 without a mark."""
    head = octets[:64]
    if len(head) < 8:
        return False
    even, odd = head[0::2], head[1::2]
    return (not any(even) and all(odd)) or (not any(odd) and all(even))


def read_document(source: Source, report: Report) -> Document:
    """Return the items of a source, read by the front end that its name says (else by how it begins)."""
    name = source.name.lower()
    if name.endswith(".policy"):
        form = "policy"
    elif name.endswith((".yaml", ".yml")):
        form = "yaml"
    elif name.endswith(".json"):
        form = "json"
    else:
        form = sniff(source.text)
    if form == "yaml":
        from policyc.grammar.documents import read_yaml

        return read_yaml(source, report)
    if form == "json":
        from policyc.grammar.documents import read_json

        return read_json(source, report)
    from policyc.grammar.parser import parse_policy

    return parse_policy(source, report)


def sniff(text: str) -> str:
    """Return the front end that a text without a telling name is for: "json", "yaml" or "policy"."""
    import re

    if text.lstrip().startswith(("{", "[")):
        return "json"
    for line in text.splitlines():
        word = line.strip()
        if not word or word.startswith(("#", "//")):
            continue
        if re.match(r"(?:---|%|-\s|[\"']?[A-Za-z_][\w.-]*[\"']?\s*:(?:\s|$))", word):
            return "yaml"
        return "policy"
    return "policy"
