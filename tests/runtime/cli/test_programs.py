from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from policyc.engine.endpoint_url import EndpointUrl, UrlProblem, parse_endpoint_url
from policyc.runtime import program
from policyc.runtime.cli.failure import CommandError
from policyc.runtime.cli.programs import ProgramLoader

ENDPOINT = 'endpoint "https://a.example.com" { on_http_request { forward-internal "https://b.internal" } }\n'


@pytest.fixture
def loader(tmp_path: Path) -> Callable[..., ProgramLoader]:
    """Return a function that makes a loader of one file with a text."""

    def make(
        text: str, *, registered: tuple[EndpointUrl, ...] = (), has_upstream: bool = False
    ) -> ProgramLoader:
        path = tmp_path / "a.policy"
        path.write_text(text)
        return ProgramLoader(
            [str(path)], account="acme", lenient=False, registered=registered, has_upstream=has_upstream
        )

    return make


def test_program_has_the_endpoints_and_the_account(loader: Callable[..., ProgramLoader]) -> None:
    built = loader(ENDPOINT).load()
    assert built is not None
    program = built.program
    assert [(each.url.url, each.account) for each in program.endpoints] == [("https://a.example.com", "acme")]


def test_program_without_files_is_empty() -> None:
    program = ProgramLoader([], account="a", lenient=False, registered=(), has_upstream=True).load()
    assert program is not None
    assert program.program.endpoints == ()


def test_refused_policy_is_none_and_shown(
    loader: Callable[..., ProgramLoader], capsys: pytest.CaptureFixture[str]
) -> None:
    assert loader("on_http_request { dney }", has_upstream=True).load() is None
    assert "error[" in capsys.readouterr().err


def test_warnings_are_only_mentioned(
    loader: Callable[..., ProgramLoader], capsys: pytest.CaptureFixture[str]
) -> None:
    assert loader(ENDPOINT).load() is not None
    err = capsys.readouterr().err
    assert err.startswith("policyc: 1 warning; `policyc check ")
    assert len(err.splitlines()) == 1


def test_what_has_not_changed_is_not_compiled_again_and_its_warnings_are_still_mentioned(
    loader: Callable[..., ProgramLoader], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = loader(ENDPOINT)
    first = made.load()
    said = capsys.readouterr().err
    monkeypatch.setattr(program, "_compile", lambda *_: pytest.fail("it was compiled again"))
    second = made.load()
    assert first is not None
    assert second is not None
    assert second.program is not first.program
    assert [each.key for each in second.program.endpoints] == [each.key for each in first.program.endpoints]
    assert capsys.readouterr().err == said
    assert "1 warning" in said


def test_what_was_compiled_before_is_there_at_once_and_nothing_else(
    loader: Callable[..., ProgramLoader], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    made = loader(ENDPOINT + "# not compiled before\n")
    assert made.load_cached() is None
    assert list(made.seen) == [str(tmp_path / "a.policy")]
    assert capsys.readouterr().err == ""
    built = made.load()
    again = made.load_cached()
    assert built is not None
    assert again is not None
    assert again.digest == built.digest
    with pytest.raises(CommandError, match="no such file"):
        ProgramLoader(["none"], account="a", lenient=False, registered=(), has_upstream=True).load_cached()


def test_endpoint_of_an_application_is_known(
    loader: Callable[..., ProgramLoader], capsys: pytest.CaptureFixture[str]
) -> None:
    known = parse_endpoint_url("https://b.internal")
    assert not isinstance(known, UrlProblem)
    assert loader(ENDPOINT, registered=(known,)).load() is not None
    assert capsys.readouterr().err == ""


def test_files_must_fit_the_flags(loader: Callable[..., ProgramLoader]) -> None:
    with pytest.raises(CommandError, match="declare endpoints"):
        loader(ENDPOINT, has_upstream=True).load()
    with pytest.raises(CommandError, match="needs --upstream"):
        loader("on_http_request { deny }").load()


def test_file_that_is_gone_is_an_error_of_the_command(tmp_path: Path) -> None:
    gone = ProgramLoader([str(tmp_path / "x")], account="a", lenient=False, registered=(), has_upstream=True)
    with pytest.raises(CommandError, match="no such file"):
        gone.load()


def test_parcel_is_the_program_and_what_was_looked_for_is_known(
    loader: Callable[..., ProgramLoader], tmp_path: Path
) -> None:
    (tmp_path / "b.policy").write_text("rules guards { deny }")
    made = loader('import "b.policy"\non_http_request { use guards }\n', has_upstream=True)
    parcel = made.pack()
    assert parcel is not None
    assert parcel.load().policy is not None
    assert {name: at is not None for name, at in made.seen.items()} == {
        str(tmp_path / "a.policy"): True,
        str(tmp_path / "b.policy"): True,
    }
    (tmp_path / "b.policy").unlink()
    assert made.pack() is None
    assert made.seen[str(tmp_path / "b.policy")] is None


def test_standard_input_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    octets = ENDPOINT.encode()
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(octets)))
    url = parse_endpoint_url("https://b.internal")
    assert not isinstance(url, UrlProblem)
    made = ProgramLoader(["-"], account="a", lenient=False, registered=(url,), has_upstream=False)
    for _ in range(2):
        built = made.load()
        assert built is not None
        assert len(built.program.endpoints) == 1
    assert made.standard_input == octets
    assert made.seen == {}
