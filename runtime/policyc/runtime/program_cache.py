"""Compiled programs, kept between processes: 1,000 rules are loaded in the time that one takes to compile.

The image of a program (engine/image) lies in the user's cache directory. It is found again only by the very
same sources, options, version of policyc (every file of the package counts, so an edit of one does) and of
Python. The files that policies import are asked for again and must hold the same text.

Who has written it. An image brings code, as byte code does, so none is loaded that this user's policyc has
not written: 1. it must be a file of the user that nobody else may write (grammar/private_file.py); 2. it
begins with a keyed digest of the rest, and the key is a random secret that only the user can read. A file
that was cut short, changed, copied from somewhere or put there by others is ignored, and the program is
compiled.

Nothing here fails: without a cache directory, every program is compiled.
"""

from __future__ import annotations

import marshal
import os
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import blake2b
from hmac import compare_digest

from policyc.engine.options import Loader, Options
from policyc.grammar import private_file
from policyc.grammar.source import Source
from policyc.runtime.parcel import Parcel

KEPT = 16  # images; the oldest ones make room
PREFIX = "program-"
KEY_FILE = "key"
_FORMAT = "2"
_DIGEST = 32

# What a policy imported: the path as written, the name of the file that wrote it, and the name and the digest
# of what it got, if it got anything.
_Asked = tuple[str, str, str | None, bytes | None]


class Recorder:
    """A loader that remembers what it was asked for, and what it gave."""

    def __init__(self, loader: Loader) -> None:
        """Ask `loader`."""
        self._loader = loader
        self.asked: dict[tuple[str, str], Source | None] = {}

    def __call__(self, path: str, importer: Source) -> Source | None:
        """Return what the loader gives."""
        source = self._loader(path, importer)
        self.asked.setdefault((path, importer.name), source)
        return source

    def every(self, sources: Sequence[Source]) -> list[Source]:
        """Return `sources` and what was imported, each once."""
        known = {source.name: source for source in reversed(sources)}
        for source in self.asked.values():
            if source is not None:
                known.setdefault(source.name, source)
        return _in_order(sources, known)


def find(sources: Sequence[Source], options: Options, loader: Loader) -> Parcel | None:
    """Return the program that was compiled from the same before, None if there is none to be trusted."""
    name = _name(sources, options)
    signed = None if name is None else private_file.read(name)
    secret = None if signed is None else private_file.read(KEY_FILE)
    if name is None or signed is None or secret is None:
        return None
    octets = memoryview(signed)[_DIGEST:]
    if not compare_digest(signed[:_DIGEST], _sign(name, octets, secret)):
        return None
    try:
        warnings, asked, tcp_ports, has_tls, image = marshal.loads(octets)  # noqa: S302 — signed by ourselves
        known = _ask_again(sources, asked, loader)
    except (ValueError, TypeError, EOFError, LookupError):
        return None
    if known is None:
        return None
    texts = tuple((source.name, source.text) for source in known)
    return Parcel(warnings, texts, tcp_ports, has_tls, image)


def keep(parcel: Parcel, sources: Sequence[Source], options: Options, recorder: Recorder) -> bool:
    """Keep what was compiled from `sources` with `recorder` as loader; return whether it is."""
    name = _name(sources, options)
    secret = None if name is None else _secret()
    if name is None or secret is None:
        return False
    asked: list[_Asked] = [(*key, *_fingerprint(source)) for key, source in recorder.asked.items()]
    octets = marshal.dumps((parcel.warnings, asked, parcel.tcp_ports, parcel.has_tls, parcel.image))
    if not private_file.write(name, _sign(name, octets, secret) + octets):
        return False
    private_file.trim(PREFIX, KEPT)
    return True


def _in_order(sources: Sequence[Source], known: dict[str, Source]) -> list[Source]:
    """Return every source once: those that were given, then those that were imported."""
    return list({**{source.name: source for source in sources}, **known}.values())


def _ask_again(sources: Sequence[Source], asked: Sequence[_Asked], loader: Loader) -> list[Source] | None:
    """Return the sources that a program was compiled from, None if a loader gives something else by now."""
    known = {source.name: source for source in reversed(sources)}
    for path, importer, name, digest in asked:
        source = loader(path, known[importer])
        if _fingerprint(source) != (name, digest):
            return None
        if source is not None:
            known.setdefault(source.name, source)
    return _in_order(sources, known)


def _fingerprint(source: Source | None) -> tuple[str | None, bytes | None]:
    if source is None:
        return None, None
    return source.name, _digest(source.text.encode("utf-8", "surrogatepass"))


def _digest(*parts: bytes | memoryview, key: bytes = b"") -> bytes:
    """Return a digest of texts that tells where one ends and the next begins."""
    hashed = blake2b(digest_size=_DIGEST, key=key)
    for part in parts:
        hashed.update(len(part).to_bytes(8, "little"))
        hashed.update(part)
    return hashed.digest()


def _sign(name: str, octets: bytes | memoryview, secret: bytes) -> bytes:
    """Return the keyed digest of a file, its name included: a file under another one's name is no other."""
    return _digest(name.encode(), octets, key=secret)


def _secret() -> bytes | None:
    """Return the user's secret, made when it is first needed; None where it cannot be kept."""
    known = private_file.read(KEY_FILE)
    if known is None and private_file.write(KEY_FILE, os.urandom(_DIGEST)):
        known = private_file.read(KEY_FILE)  # another process may have been faster
    return known


def _name(sources: Sequence[Source], options: Options) -> str | None:
    """Return the name of the image of a program, None where the package cannot be told from another one."""
    stamp = engine_stamp()
    if stamp is None:
        return None
    texts = (part for source in sources for part in (source.name, source.text))
    parts = [_FORMAT, sys.version, repr(options), *texts]
    digest = _digest(stamp, *(part.encode("utf-8", "surrogatepass") for part in parts))
    return f"{PREFIX}{digest.hex()[:40]}"


@cache
def engine_stamp() -> bytes | None:
    """Return what tells this installation from any other: the place, size and time of each of its files.

    None where the package does not lie in files.
    """
    import policyc.engine
    import policyc.grammar
    import policyc.runtime

    seen = sorted(
        f"{path} {status.st_size} {status.st_mtime_ns}"
        for package in (policyc.grammar, policyc.engine, policyc.runtime)
        for top in package.__path__
        for path, status in _files(top)
    )
    return _digest(*(line.encode("utf-8", "surrogateescape") for line in seen)) if seen else None


def _files(top: str) -> Iterator[tuple[str, os.stat_result]]:
    """Give the files of a package that make it what it is."""
    try:
        with os.scandir(top) as entries:
            found = list(entries)
        for entry in found:
            if entry.name.endswith((".py", ".lark", ".so", ".pyd")):
                yield entry.path, entry.stat()
            elif entry.is_dir(follow_symlinks=False) and entry.name != "__pycache__":
                yield from _files(entry.path)
    except OSError:
        return
