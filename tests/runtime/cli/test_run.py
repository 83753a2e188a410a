"""What `run` refuses before anything listens; its life is in test_serving.py."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import pytest

from policyc.runtime.cli.failure import CommandError
from policyc.runtime.cli.run import add_arguments, check_upstream, endpoint_of, load_apps, open_log

Command = Callable[..., tuple[int, str, str]]

APP = Path(__file__).parents[3] / "examples" / "shop_app.py"
GOOD = "on_http_request { deny 401 }\n"


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "a.policy"
    path.write_text(GOOD)
    return path


def test_default_address_is_loopback() -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert parser.parse_args([]).http == ("127.0.0.1", 8080)


def test_nothing_to_run_is_wrong_usage(policyc: Command) -> None:
    status, _, err = policyc("run")
    assert status == 2
    assert "nothing to run" in err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("--http", "nowhere"), "no address to listen on"),
        (("--upstream", "ftp://127.0.0.1"), "--upstream ftp://127.0.0.1: "),
        (("--upstream", "http://127.0.0.1:9/path"), "--upstream http://127.0.0.1:9/path: "),
        (("--upstream", "tcp://127.0.0.1:9"), "--upstream tcp://127.0.0.1:9: "),
        (("--app", "https://app.internal"), "write URL=MODULE:ATTR"),
        (("--app", "nonsense://x=json:dumps"), "is no URL of an endpoint"),
        (("--app", "https://app.internal=no_such_module:app"), "no module `no_such_module`"),
        (("--idle-timeout", "soon"), "is no duration"),
        (("--forwarded", "keep"), "write `replace` or `append`"),
        (("--trusted-proxies", "10.0.0.0/8,proxy"), "--trusted-proxies proxy: "),
        (("--access-log", "/no/such/folder/log"), "cannot write the access log"),
        (("--no-such-flag",), "there is no flag `--no-such-flag` (`policyc run --help` shows the usage)"),
    ],
)
def test_flag_that_cannot_be_followed_is_status_2(
    policyc: Command, policy: Path, argv: tuple[str, ...], said: str
) -> None:
    more = () if "--upstream" in argv else ("--upstream", "http://127.0.0.1:9")
    status, out, err = policyc("run", policy, *argv, *more)
    assert (status, out) == (2, "")
    assert said in err


def test_file_that_cannot_be_read_is_status_2(policyc: Command, tmp_path: Path) -> None:
    status, _, err = policyc("run", tmp_path / "none.policy", "--upstream", "http://127.0.0.1:9")
    assert status == 2
    assert "no such file" in err


def test_policy_with_errors_is_status_1_and_shows_them(policyc_process: Command, policy: Path) -> None:
    policy.write_text("on_http_request { dney }\n")
    status, out, err = policyc_process("run", policy, "--upstream", "http://127.0.0.1:9")
    assert (status, out) == (1, "")
    assert "did you mean `deny`?" in err
    assert err.splitlines()[-1].endswith("1 error (`policyc explain P0301` tells more)")


def test_action_that_is_not_built_is_refused_here_and_only_hinted_at_by_check(
    policyc: Command, policyc_process: Command, policy: Path
) -> None:
    policy.write_text("on_http_response { compress-response {} }\n")
    status, _, err = policyc_process("run", policy, "--upstream", "http://127.0.0.1:9")
    assert status == 1
    assert "`compress-response`" in err
    status, out, _ = policyc("check", policy)
    assert status == 0
    assert "hint[" in out


def test_endpoint_without_listener_is_refused(policyc_process: Command, policy: Path) -> None:
    policy.write_text('endpoint "http://shop.default" -> "9000" { binding: "kubernetes" }\n')
    status, _, err = policyc_process("run", policy)
    assert status == 1
    assert "http://shop.default" in err


def test_policy_without_endpoints_needs_an_upstream(policyc: Command, policy: Path) -> None:
    status, _, err = policyc("run", policy)
    assert status == 2
    assert "needs --upstream URL" in err


def test_upstream_beside_endpoints_is_refused(policyc: Command, policy: Path) -> None:
    policy.write_text('endpoint "https://a.example.com" { on_http_request { deny } }\n')
    status, _, err = policyc("run", policy, "--upstream", "http://127.0.0.1:9")
    assert status == 2
    assert "these files declare endpoints" in err


def test_applications_of_one_url_are_a_pool() -> None:
    flags = [f"https://api.internal={APP}:api_one", f"api.internal:443={APP}:api_two"]
    apps = load_apps([*flags, f"http://app.internal={APP}:app"])
    assert {url: len(each) for url, each in apps.items()} == {
        "https://api.internal": 2,
        "http://app.internal": 1,
    }


def test_endpoint_of_a_flag_is_normal() -> None:
    assert endpoint_of("HTTPS://App.Internal:443").url == "https://app.internal"
    with pytest.raises(CommandError):
        endpoint_of("https://")


def test_upstream_may_be_left_out() -> None:
    check_upstream(None)
    check_upstream("http://127.0.0.1:9")


def test_log_file_is_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("before\n")
    open_log(str(path)).close()
    assert path.read_text() == "before\n"


@pytest.mark.parametrize("count", ["0", "many", "257", "-1"])
def test_number_of_workers_is_one_of_the_possible(policyc: Command, count: str) -> None:
    status, _, err = policyc("run", "a.policy", f"--workers={count}")
    assert status == 2
    assert f"`{count}` is no number of workers: 1 to 256" in err
