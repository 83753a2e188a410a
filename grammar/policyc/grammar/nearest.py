"""The near-miss search: what a "did you mean" proposes, everywhere."""

from __future__ import annotations

from collections.abc import Iterable

_LONGEST = 64  # longer words are not worth a search


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate that was probably meant by `word`, or None if none is close.

    Case, `-` and `_` do not count: `addHeaders` and `add_headers` are exactly `add-headers`. Otherwise about
    one mistake in three characters is forgiven; of equally near candidates the first by name is taken.
    """
    if not word or len(word) > _LONGEST:
        return None
    wanted = _plain(word)
    allowed = max(1, (len(wanted) + 1) // 3)
    best: tuple[int, int, str] | None = None
    for candidate in candidates:
        if candidate == word:
            continue
        plain = _plain(candidate)
        if not plain or abs(len(plain) - len(wanted)) > allowed:
            continue
        distance = _distance(wanted, plain)
        if distance > allowed or distance >= max(len(wanted), len(plain)):
            continue
        rank = (distance, 0 if plain[:1] == wanted[:1] else 1, candidate)
        if best is None or rank < best:
            best = rank
    return None if best is None else best[2]


def _plain(word: str) -> str:
    return word.lower().replace("-", "").replace("_", "")


def _distance(a: str, b: str) -> int:
    """Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`."""
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1]
