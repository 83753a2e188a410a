"""The command line: which commands there are; each command's own module knows its flags.

Only the module of the command that was asked for is imported: `policyc check` must not pay for the gateway.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import Any, NoReturn

from policyc.runtime.cli.failure import COULD_NOT_RUN
from policyc.runtime.cli.output import complain, say

COMMANDS = {
    "check": "find what is wrong with policies, before any traffic flows",
    "run": "run policies as a gateway in front of their endpoints",
    "explain": "say what a diagnostic code or an action means",
}


class _Version(argparse.Action):
    """`--version`: reading it costs more than everything else here, so that is done only now."""

    def __init__(self, option_strings: Sequence[str], dest: str, **_: object) -> None:
        super().__init__(option_strings, dest, nargs=0, help="print the version")

    def __call__(self, parser: argparse.ArgumentParser, *_: Any, **__: Any) -> None:
        from policyc.runtime.version import version

        say(f"policyc {version()}\n")
        parser.exit(0)


class _Formatter(argparse.HelpFormatter):
    """Help as wide as the terminal. argparse makes one for every flag, and imports shutil for its width."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


@cache
def _columns() -> int:
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given):
        return int(given)
    try:
        return os.get_terminal_size().columns or 80
    except OSError:  # no terminal
        return 80


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong; all flags with it would fill the screen."""

    def error(self, message: str) -> NoReturn:
        complain(f"{message.removeprefix('argument ')} (`{self.prog} --help` shows the usage)")
        self.exit(COULD_NOT_RUN)


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Return the arguments, with the module that runs the command as `command_module`, and all as `argv`.

    Leaves through SystemExit: status 2 for wrong usage, 0 for help and version.
    """
    parser = _Parser(
        prog="policyc",
        description="Check traffic policies and run them as a gateway.",
        epilog="`policyc COMMAND --help` lists a command's flags.",
        allow_abbrev=False,
        formatter_class=_Formatter,
    )
    parser.add_argument("--version", "-V", action=_Version)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", prog="policyc", required=True)
    wanted = next((word for word in argv if not word.startswith("-")), None)
    asked: argparse.ArgumentParser = parser
    for name, summary in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            allow_abbrev=False,
            formatter_class=_Formatter,
        )
        if name == wanted:
            module = import_module(f"policyc.runtime.cli.{name}")
            module.add_arguments(command)
            asked = command
            command.set_defaults(command_module=module)
    parser.set_defaults(argv=tuple(argv))
    arguments, unknown = parser.parse_known_args(list(argv))
    if unknown:
        asked.error(_unknown(unknown[0], asked))
    return arguments


def _unknown(word: str, command: argparse.ArgumentParser) -> str:
    """Return what to say of a word that a command does not know."""
    if not word.startswith("-"):
        return f"`{word}` is one too many"
    from policyc.grammar.nearest import nearest

    flag = word.partition("=")[0]
    near = nearest(flag, re.findall(r"--[a-z0-9-]+", command.format_usage()))
    return f"there is no flag `{flag}`" + (f": did you mean `{near}`?" if near else "")
