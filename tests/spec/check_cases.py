"""The cases of `policyc check`: what a sentence of the specification makes of a small document.

A file of check/ is a list of groups. A group has

    ref     the page and section whose sentence it holds
    holds   that sentence, in our words
    as      the language of the inputs: yaml (the default), json, policy
    shape   a document with `@@` where each input goes (left out: the input is the document)
    flags   flags of every case
    at      the path that relative paths continue and that an expectation without a path means
    cases   lists: the input, then expectations; one that begins with `--` is a flag of the case

An expectation is one of

    clean                   nothing worse than a hint
    accepted                no error
    refused                 errors, whichever
    exit 2                  nothing could be judged
    error NUMBER [PATH]     an error with this ERR_NGROK number (or `none`, `any`) at this path (`-` is null,
                            `?` any)
    warning NUMBER [PATH]   likewise
    hint TEXT               a finding whose hint holds the text
    at LINE:COLUMN          the first finding of the case begins there

All errors of a case must be among the expected ones, unless it says `refused`.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

FOLDER = Path(__file__).parent / "check"
ENDINGS = {"yaml": ".yaml", "json": ".json", "policy": ".policy"}


class Case(NamedTuple):
    """One document with what must be said of it."""

    id: str
    ref: str
    holds: str
    language: str
    text: str
    flags: tuple[str, ...]
    at: str
    wants: tuple[str, ...]


class Judged(NamedTuple):
    """What `check` answered."""

    status: int
    found: list[dict[str, Any]]
    complaint: str


def read_cases() -> list[Case]:
    """Return the cases of all files, in order."""
    return [case for path in sorted(FOLDER.glob("*.yaml")) for case in _of_file(path)]


def _of_file(path: Path) -> Iterator[Case]:
    groups = yaml.load(path.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    for number, group in enumerate(groups, 1):
        unknown = set(group) - {"ref", "holds", "as", "shape", "flags", "at", "cases"}
        assert not unknown, f"{path.name}, group {number}: {unknown}"
        for index, (text, *rest) in enumerate(group["cases"], 1):
            flags = [
                *group.get("flags", "").split(),
                *(w for each in rest if each[0] == "-" for w in each.split()),
            ]
            wants = tuple(each for each in rest if each[0] != "-")
            assert wants, f"{path.name}, group {number}, case {index}: nothing is expected"
            yield Case(
                f"{path.stem}-{number}-{index}",
                group["ref"],
                group["holds"],
                group.get("as", "yaml"),
                group.get("shape", "@@").replace("@@", text),
                tuple(flags),
                group.get("at", ""),
                wants,
            )


def judge(case: Case, folder: Path) -> Judged:
    """Run the command on a case, in this process."""
    return run_check([*case.flags, str(write(case, folder))])


def write(case: Case, folder: Path) -> Path:
    """Write the document of a case, and return its file."""
    file = folder / f"case{ENDINGS[case.language]}"
    file.write_text(case.text, newline="")
    return file


def run_check(arguments: Sequence[str]) -> Judged:
    """Run `policyc check --format json` in this process."""
    from policyc.runtime.cli import main

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main(["check", "--format", "json", *arguments])
        except SystemExit as left:
            status = int(left.code or 0)
    text = out.getvalue()
    return Judged(status, json.loads(text) if text else [], err.getvalue())


def disagreements(case: Case, judged: Judged) -> list[str]:
    """Return what of a case's expectations does not hold."""
    if "exit 2" in case.wants:
        return [] if judged.status == 2 and not judged.found else [f"status {judged.status}"]
    errors = [d for d in judged.found if d["severity"] == "error"]
    warnings = [d for d in judged.found if d["severity"] == "warning"]
    wrong: list[str] = []
    is_refused = any(want.split()[0] in ("error", "refused") for want in case.wants) or (
        "--strict" in case.flags and bool(warnings)
    )
    if judged.status != int(is_refused):
        wrong.append(f"status {judged.status}")
    left = list(errors)
    for want in case.wants:
        word, _, rest = want.partition(" ")
        if word == "clean":
            wrong += [f"{d['severity']} {d['code']}: {d['message']}" for d in errors + warnings]
        elif word in ("error", "warning"):
            pool = errors if word == "error" else warnings
            met = [d for d in pool if _fits(d, rest.split(), case.at)]
            left = [d for d in left if d not in met]
            wrong += [] if met else [f"no {want} (at {case.at})"]
        elif word == "hint":
            wrong += (
                [] if any(rest in (d["hint"] or "") for d in judged.found) else [f"no hint with {rest!r}"]
            )
        elif word == "at":
            first = judged.found[0] if judged.found else {"line": 0, "column": 0}
            place = f"{first['line']}:{first['column']}"
            wrong += [] if place == rest else [f"begins at {place}, not {rest}"]
        else:
            assert word in ("accepted", "refused"), f"{case.id}: {want}"
    if "refused" not in case.wants:
        wrong += [f"unexpected error {_shown(d)}" for d in left]
    elif not errors:
        wrong.append("no error")
    return wrong


def _fits(found: dict[str, Any], wanted: list[str], at: str) -> bool:
    number = wanted[0]
    if number != "any" and str(found["ngrok"]).lower() != number:
        return False
    path = wanted[1] if len(wanted) > 1 else at
    if path == "?":
        return True
    if path == "-":
        return found["path"] is None
    return str(found["path"] or "") == (at + path if re.match(r"[.\[]", path) else path)


def _shown(found: dict[str, Any]) -> str:
    return f"{found['code']} [{found['ngrok']}] at {found['path']}: {found['message']}"
