"""What all tests share: golden files, and the folder of the shared material where it is present."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# A run of `make test` is repeatable: the same examples each time. `make soak` draws new ones.
settings.register_profile("repeatable", derandomize=True, database=None)
if "POLICYC_EXAMPLES" not in os.environ:
    settings.load_profile("repeatable")

# What takes minutes by itself is for `make soak`.
collect_ignore = [] if "POLICYC_SOAK" in os.environ else ["soak"]

Golden = Callable[[str, str], None]

_GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew")


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what the tests compile out of the cache of who runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Return `golden(name, text)`: the text must equal the file tests/golden/NAME."""

    def compare(name: str, text: str) -> None:
        path = _GOLDEN / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        assert path.exists(), f"{path} is missing; run pytest --update-golden and review it"
        assert text == path.read_bytes().decode(), "differs from the golden file; --update-golden rewrites it"

    return compare
