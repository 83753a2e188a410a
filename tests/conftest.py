"""What all tests share: golden files, examples that are the same each time, modules that need an extra."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# A run of `make test` is repeatable: the same examples each time. `make soak` draws new ones.
settings.register_profile("repeatable", derandomize=True, database=None)
if "POLICYC_EXAMPLES" not in os.environ:
    settings.load_profile("repeatable")

# What takes minutes by itself is for `make soak`.
collect_ignore = [] if "POLICYC_SOAK" in os.environ else ["soak"]

# Packages that a plain installation does not have, and what brings them.
OPTIONAL = {
    "celpy": "the group `dev`",
    "cryptography": "the extra `tls`",
    "grpc": "the group `dev`",
    "h2": "the extra `http2`",
    "hpack": "the extra `http2`",
    "wsproto": "the extra `websocket`",
}

Golden = Callable[[str, str], None]

_GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew")


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Skip the files that need what is not installed, and say what that is."""
    report = yield
    call: pytest.CallInfo[object] | None = getattr(report, "call", None)
    missing = call.excinfo.value.__cause__ if call is not None and call.excinfo is not None else None
    package = (missing.name or "").partition(".")[0] if isinstance(missing, ModuleNotFoundError) else ""
    if package in OPTIONAL:
        place = str(collector.path)
        report.outcome = "skipped"
        report.longrepr = (place, 0, f"Skipped: {package} ({OPTIONAL[package]}) is not installed")
        # pytest leaves the half of it that was imported, where another file would find it.
        for name in [name for name, each in sys.modules.items() if getattr(each, "__file__", None) == place]:
            del sys.modules[name]
    return report


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
