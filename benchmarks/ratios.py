"""Contestants side by side: measured in turns in one run, so that what the machine does hits all alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import exp, log
from statistics import median
from time import perf_counter

ROUNDS = 15
ROUND_S = 0.004


def measure(contestants: Mapping[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, float]:
    """Return nanoseconds per call of each contestant: medians of rounds that take turns.

    What calling an empty function in the same loop takes is subtracted from none: a call is part of it.
    """
    counts = {name: _count(run) for name, run in contestants.items()}
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            times[name].append(_round(run, counts[name]))
    return {name: median(found) * 1e9 for name, found in times.items()}


def _round(run: Callable[[], object], count: int) -> float:
    turns = range(count)
    before = perf_counter()
    for _ in turns:
        run()
    return (perf_counter() - before) / count


def _count(run: Callable[[], object]) -> int:
    """Return how many calls fill a round."""
    run()
    return max(1, int(ROUND_S / max(_round(run, 20), 1e-9)))


def geometric_mean(values: Sequence[float]) -> float:
    """Return the geometric mean."""
    return exp(sum(map(log, values)) / len(values))


def table(rows: Mapping[str, Mapping[str, float]], columns: Sequence[str]) -> str:
    """Return figures as a table: a row per name, a column per contestant."""
    width = max(len(name) for name in rows)
    lines = [" " * width + "".join(f"{column:>14}" for column in columns)]
    for name, row in rows.items():
        cells = (f"{row[column]:>14,.0f}" if column in row else f"{'-':>14}" for column in columns)
        lines.append(f"{name:<{width}}{''.join(cells)}")
    return "\n".join(lines)
