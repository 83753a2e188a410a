"""`policyc explain WORD`: what a code means, or what an action does and takes; `list` names them all."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterator

from policyc.grammar.codes import Code
from policyc.runtime.cli.failure import CommandError
from policyc.runtime.cli.output import say

_WIDTH = 88


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of `explain`."""
    parser.add_argument(
        "word",
        metavar="WORD",
        help="a code (P0301, unknown-action, ERR_NGROK_2203), an action (deny), or `list` for all of them",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print what was asked for; an unknown word is a CommandError with the nearest known one."""
    from policyc.engine.actions import actions
    from policyc.runtime.cli.catalog import every_code, find_codes

    word: str = arguments.word
    if word == "list":
        say("\n".join(_everything()) + "\n")
        return 0
    action = actions().get(word.lower())
    if action is not None:
        from policyc.runtime.cli.action_page import action_page

        say(action_page(action))
        return 0
    codes = find_codes(word)
    if not codes:
        from policyc.grammar.nearest import nearest

        known = [*actions(), *every_code(), *(code.name for code in every_code().values())]
        near = nearest(word.lower(), known) or nearest(word.upper(), known)
        hint = f"; did you mean `{near}`?" if near else "; `policyc explain list` names all"
        raise CommandError(f"no code and no action is called `{word}`{hint}")
    say("\n\n".join("\n".join(code_page(code)) for code in codes) + "\n")
    return 0


def code_page(code: Code) -> Iterator[str]:
    """Yield the lines that explain a code."""
    number = "" if code.ngrok is None else f", ERR_NGROK_{code.ngrok}"
    yield f"{code.id} {code.name} ({code.severity}{number})"
    yield ""
    yield code.title
    for paragraph in textwrap.dedent(code.explanation).strip().split("\n\n"):
        yield ""
        yield textwrap.fill(" ".join(paragraph.split()), _WIDTH)
    for title, example in (("Wrong:", code.wrong), ("Right:", code.right)):
        if example:
            yield ""
            yield title
            yield ""
            yield textwrap.indent(textwrap.dedent(example).strip("\n"), "    ")


def _everything() -> Iterator[str]:
    from policyc.engine.actions import actions
    from policyc.runtime.cli.catalog import every_code

    yield "codes"
    for code in every_code().values():
        number = "" if code.ngrok is None else f" (ERR_NGROK_{code.ngrok})"
        yield f"  {code.id} {code.severity:7} {code.name}: {code.title}{number}"
    yield ""
    yield "actions"
    for name, action in actions().items():
        built = "" if action.compile else " (checked, not yet run)"
        yield f"  {name}: {action.doc.strip().splitlines()[0]}{built}"
