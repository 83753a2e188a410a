"""What the documentation points to is there, and it names what the code has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from policyc.engine.actions import actions
from policyc.runtime.cli import main
from policyc.runtime.cli.arguments import COMMANDS
from policyc.runtime.metrics import FAMILIES
from policyc.runtime.settings import SETTINGS

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])


def prose(page: Path) -> str:
    return re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Return the names that the headings of a page have in links, as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=[page.relative_to(ROOT).as_posix() for page in PAGES])
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)", prose(page))
    local = [
        (page.parent / target if target else page, anchor) for target, anchor in links if "://" not in target
    ]
    assert [place for place, _ in local if not place.exists()] == []
    assert [
        (place.name, anchor)
        for place, anchor in local
        if anchor and place.suffix == ".md" and anchor not in anchors(place)
    ] == []


def test_readme_opens_with_what_this_is_and_the_two_commands() -> None:
    opening = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## ")[0]
    assert opening.startswith("# policyc\n")
    assert "    make run " in opening
    assert "    make test " in opening


def test_readme_names_the_actions_that_run_and_no_other() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"`([a-z-]+)`", text.partition("<!-- actions -->")[2].partition("<!-- end -->")[0])
    assert shown == [name for name, action in actions().items() if action.compile is not None]


def test_every_command_has_its_section() -> None:
    sections = re.findall(r"^## policyc (\w+)", (ROOT / "docs" / "cli.md").read_text(), re.MULTILINE)
    assert sorted(sections) == sorted(COMMANDS)


@pytest.mark.parametrize("page", PAGES, ids=[page.relative_to(ROOT).as_posix() for page in PAGES])
def test_settings_and_metrics_that_pages_name_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z0-9]+_[a-z0-9_]+_(?:s|bytes|limit))`", text))
    assert named - {each.name for each in SETTINGS} - set(FAMILIES) == set()
    assert set(re.findall(r"`(policyc_[a-z_]+)`", text)) - set(FAMILIES) == set()


@pytest.mark.parametrize("name", ["README.md", "docs/language.md"])
def test_policies_that_are_shown_are_good_ones(name: str, tmp_path: Path) -> None:
    blocks = re.findall(
        r"^```\n(.*?)^```", (ROOT / name).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    policies = [block for block in blocks if block.startswith(("let ", "endpoint "))]
    assert policies
    for text in policies:
        path = tmp_path / "shown.policy"
        path.write_text(text)
        assert main(["check", "--strict", str(path)]) == 0
