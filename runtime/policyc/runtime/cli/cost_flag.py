"""`--cost-limit` of `check` and `run`: what one expression may cost at most (engine/cel/cost.py)."""

from __future__ import annotations

import argparse


def add_cost_flag(parser: argparse.ArgumentParser) -> None:
    """Declare the flag; `cost_limit` is then a number of units."""
    from policyc.engine.options import COST_LIMIT

    parser.add_argument(
        "--cost-limit",
        metavar="UNITS",
        type=_units,
        default=COST_LIMIT,
        help=f"what an expression may cost at the limits of a request, in units (default {COST_LIMIT:,})",
    )


def _units(text: str) -> int:
    digits = text.replace("_", "").replace(",", "")
    if not (digits.isascii() and digits.isdigit()) or int(digits) == 0:
        raise argparse.ArgumentTypeError(f"`{text}` is no number of units: write one such as 1000000")
    return int(digits)
