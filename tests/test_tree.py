"""The tests mirror the source: every source file has its test file, every test file its source file.

`engine/policyc/engine/actions/deny.py` is tested by `tests/engine/actions/test_deny.py`, a package by
`test_init.py` beside the tests of its modules.
"""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
LAYERS = ("grammar", "engine", "runtime")

# Source files without a test file of their own, each with the reason.
WITHOUT = {
    "engine/cel/ir.py": "records; the tests of check, fold, plan and generate make and read them",
    "engine/function.py": "records; the tests of functions/ read them",
    "engine/optimise/probe.py": "records; the tests of atoms and generate/index make and read them",
    "grammar/syntax.py": "records; the tests of parser and documents make them",
}


def sources() -> set[str]:
    """Return files with code in them as `engine/actions/deny.py`, a grammar `x.lark` as `x_lark.py`."""
    found = set()
    for layer in LAYERS:
        top = ROOT / layer / "policyc" / layer
        for path in top.rglob("*.py"):
            if path.name == "__init__.py" and not has_code(path):
                continue
            found.add(f"{layer}/{path.relative_to(top).as_posix()}")
        for path in top.rglob("*.lark"):
            found.add(f"{layer}/{path.relative_to(top).with_suffix('').as_posix()}_lark.py")
    return found


def has_code(path: Path) -> bool:
    """Whether a file defines functions or classes."""
    return any(line.startswith(("def ", "class ", "async def ")) for line in path.read_text().splitlines())


def subjects() -> dict[str, str]:
    """Return the source file that each test file is about, by test file."""
    found = {}
    for layer in LAYERS:
        top = ROOT / "tests" / layer
        for path in top.rglob("test_*.py"):
            name = path.name.removeprefix("test_")
            source = path.relative_to(top).with_name("__init__.py" if name == "init.py" else name)
            found[path.relative_to(ROOT).as_posix()] = f"{layer}/{source.as_posix()}"
    return found


def test_every_source_file_has_a_test_file() -> None:
    assert sorted(sources() - set(subjects().values()) - set(WITHOUT)) == []


def test_every_test_file_has_a_source_file() -> None:
    known = sources()
    assert sorted(test for test, source in subjects().items() if source not in known) == []


def test_exemptions_are_current() -> None:
    assert sorted(source for source in WITHOUT if source not in sources()) == []
    assert sorted(set(WITHOUT) & set(subjects().values())) == []


def test_every_folder_of_python_says_its_types() -> None:
    for layer in LAYERS:
        assert (ROOT / layer / "policyc" / layer / "py.typed").exists()
        assert not (ROOT / layer / "policyc" / "__init__.py").exists(), "policyc is a namespace package"
