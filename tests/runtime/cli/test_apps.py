from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from policyc.runtime.cli.apps import load_app
from policyc.runtime.cli.failure import CommandError


@pytest.fixture
def app_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("sys.path", ["elsewhere"])
    (tmp_path / "neighbour.py").write_text("NAME = 'next door'\n")
    path = tmp_path / "shop.py"
    path.write_text(
        "import neighbour\nclass Holder:\n    def app(self): ...\nheld = Holder()\ndef app(): ...\nsix = 6\n"
    )
    return path


def test_app_of_a_file_is_loaded_with_its_neighbours(app_file: Path) -> None:
    url, app = load_app(f"https://app.internal={app_file}:app", {})
    assert url == "https://app.internal"
    assert callable(app)


def test_attribute_may_be_a_path(app_file: Path) -> None:
    assert load_app(f"https://app.internal={app_file}:held.app", {}).app.__name__ == "app"


def test_two_flags_of_one_file_share_its_module(app_file: Path) -> None:
    loaded: dict[str, ModuleType] = {}
    first = load_app(f"https://a.internal={app_file}:app", loaded)
    second = load_app(f"https://b.internal={app_file}:app", loaded)
    assert first.app is second.app


def test_app_of_a_module_is_imported() -> None:
    assert load_app("https://a.internal=json:dumps", {}).app.__name__ == "dumps"


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("https://a.internal", "write URL=MODULE:ATTR"),
        ("=json:dumps", "write URL=MODULE:ATTR"),
        ("https://a.internal=json", "write URL=MODULE:ATTR"),
        ("https://a.internal=json:", "write URL=MODULE:ATTR"),
        ("https://a.internal=no_such_module_here:app", "no module `no_such_module_here`"),
        ("https://a.internal=json:nothing", "json has no `nothing`"),
        ("https://a.internal=/nowhere/app.py:app", "no such file"),
        ("https://a.internal=string:digits", "cannot be called"),
    ],
)
def test_flag_that_cannot_be_followed_says_why(flag: str, said: str) -> None:
    with pytest.raises(CommandError, match=said):
        load_app(flag, {})


def test_file_whose_code_fails_says_so_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", ["elsewhere"])
    path = tmp_path / "broken.py"
    path.write_text("def app(:\n")
    with pytest.raises(CommandError, match=r"loading .*broken\.py failed: SyntaxError"):
        load_app(f"https://a.internal={path}:app", {})
