"""The flags that say where https is served and as whom, and `policyc run` with them.

Clients are those that everybody has: curl and openssl.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from tests.e2e.authority import Authority, Signed

from policyc.runtime.cli.address import listen_address
from policyc.runtime.cli.failure import CommandError
from policyc.runtime.cli.tls_flags import (
    add_tls_flags,
    certificate_files,
    certificates_of,
    https_addresses,
    notice_of,
    tls_address,
)
from policyc.runtime.transport import dev_certificates
from policyc.runtime.transport.dev_certificates import DevAuthority

if TYPE_CHECKING:
    from tests.runtime.cli.conftest import Running

    Gateway = Callable[..., Running]

Command = Callable[..., tuple[int, str, str]]

AUTHORITY = Authority()
SERVER, OPS = AUTHORITY.sign("localhost"), AUTHORITY.sign("ops.example")
ANSWER = (
    'endpoint "https://localhost" {{ {} on_http_request {{ custom-response 200 {{ body: '
    '"${{conn.tls.sni}} ${{conn.tls.version}} ${{conn.tls.client.subject.common_name}}" }} }} }}\n'
)

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


def parsed(*argv: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tls", type=listen_address)
    add_tls_flags(parser)
    return parser.parse_args(argv)


def test_without_flags_there_is_no_tls() -> None:
    arguments = parsed()
    assert https_addresses(arguments) == []
    assert certificates_of(arguments) is None
    assert notice_of(None) == []


@pytest.mark.parametrize(
    ("argv", "addresses"),
    [
        (("--cert", "a", "--key", "b"), [("127.0.0.1", 8443)]),
        (("--certificates", "d"), [("127.0.0.1", 8443)]),
        (("--dev-tls",), [("127.0.0.1", 8443)]),
        (("--dev-tls", "--https", "9443", "--https", "[::1]:443"), [("127.0.0.1", 9443), ("::1", 443)]),
    ],
)
def test_where_https_is_served(argv: tuple[str, ...], addresses: list[tuple[str, int]]) -> None:
    assert https_addresses(parsed(*argv)) == addresses


@pytest.mark.parametrize(
    ("argv", "address"),
    [
        ((), ("127.0.0.1", 8443)),
        (("--tls", "9443"), ("127.0.0.1", 9443)),
        (("--dev-tls",), None),
        (("--dev-tls", "--tls", "8443"), None),
        (("--dev-tls", "--tls", "9443"), ("127.0.0.1", 9443)),
    ],
)
def test_tls_endpoints_are_served_where_https_is(
    argv: tuple[str, ...], address: tuple[str, int] | None
) -> None:
    assert tls_address(parsed(*argv)) == address


def test_certificates_come_from_pairs_and_directories(tmp_path: Path) -> None:
    authority = Authority()
    one, two = authority.sign("a.example"), authority.sign("b.example")
    one.write(tmp_path / "one.crt", tmp_path / "one.key")
    (tmp_path / "more").mkdir()
    two.write(tmp_path / "more" / "two.pem")
    source = certificates_of(
        parsed(
            "--cert", str(tmp_path / "one.crt"), "--key", str(tmp_path / "one.key"),
            "--certificates", str(tmp_path / "more"),
        )
    )  # fmt: skip
    assert source is not None
    found = source.load()
    assert found.is_for("a.example")
    assert found.is_for("b.example")
    assert notice_of(source) == []


def test_the_authority_for_development_says_where_its_root_lies(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    source = certificates_of(parsed("--dev-tls"))
    assert isinstance(source, DevAuthority)
    [line] = notice_of(source)
    assert str(tmp_path / "policyc" / "dev-tls" / "root.crt") in line


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("--https", "8443"), "--https needs certificates"),
        (("--cert", "a"), "every --cert needs its --key: there are 1 and 0"),
        (("--key", "a", "--certificates", "d"), "there are 0 and 1"),
        (("--dev-tls", "--cert", "a", "--key", "b"), "leave --cert"),
        (("--dev-tls", "--certificates", "d"), "leave --cert"),
    ],
)
def test_flags_that_do_not_go_together(argv: tuple[str, ...], words: str) -> None:
    arguments = parsed(*argv)
    with pytest.raises(CommandError, match=words):
        assert (https_addresses(arguments), certificates_of(arguments)) is None


def test_without_the_extra_its_name_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dev_certificates, "is_installed", lambda: False)
    with pytest.raises(CommandError, match=r"policyc\[tls\]"):
        certificates_of(parsed("--dev-tls"))


class Files:
    """A policy, the certificates of the gateway, and those of clients."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.policy, self.cert, self.key = folder / "a.policy", folder / "a.crt", folder / "a.key"
        self.policy.write_text(ANSWER.format(""))
        SERVER.write(self.cert, self.key)
        self.trusted = folder / "ca.pem"
        self.trusted.write_text(AUTHORITY.pem)

    @property
    def flags(self) -> list[object]:
        return [self.policy, "--https", "127.0.0.1:0", "--cert", self.cert, "--key", self.key]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return Files(tmp_path)


def port_of(running: Running) -> int:
    return int(running.wait_for(r"listening on https://\S+:(\d+)")[1])


def asked(port: int, authority: str) -> str:
    context = ssl.create_default_context(cadata=authority)
    return httpx.get(f"https://localhost:{port}/", verify=context).text


@pytest.mark.e2e
def test_certificates_come_from_files(gateway: Gateway, files: Files) -> None:
    running = gateway(*files.flags)
    assert asked(port_of(running), AUTHORITY.pem) == "localhost 1.3 "
    assert not any("served in clear" in line for line in running.out)
    assert running.stop()[0] == 0


@pytest.mark.e2e
@needs_curl
def test_curl_is_served(gateway: Gateway, files: Files) -> None:
    port = port_of(gateway(*files.flags))
    for flags, version in (([], "1.3"), (["--tls-max", "1.2"], "1.2"), (["--http1.1"], "1.3")):
        got = subprocess.run(
            ["curl", "-sS", "--cacert", files.trusted, *flags, f"https://localhost:{port}/"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert got.stdout == f"localhost {version} "


@pytest.mark.e2e
@needs_openssl
def test_openssl_resumes_sessions_and_is_told_of_unknown_names(gateway: Gateway, files: Files) -> None:
    port = port_of(gateway(*files.flags))

    def client(*flags: object) -> str:
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", files.trusted, *flags]
        got = subprocess.run(
            [str(word) for word in command], input="GET / HTTP/1.0\r\nHost: localhost\r\n\r\n",
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return got.stdout + got.stderr

    session = files.folder / "session"
    first = client("-servername", "localhost", "-tls1_2", "-sess_out", session)
    assert "Verify return code: 0 (ok)" in first
    assert "New, TLSv1.2" in first
    assert "Reused, TLSv1.2" in client("-servername", "localhost", "-tls1_2", "-sess_in", session)
    assert "alert unrecognized name" in client("-servername", "other.example").replace("tlsv1 ", "alert ")
    assert "missing extension" in client("-noservername")
    assert "protocol version" in client("-servername", "localhost", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")


@pytest.mark.e2e
def test_an_authority_is_made_on_the_spot(gateway: Gateway, files: Files) -> None:
    running = gateway(files.policy, "--dev-tls", "--https", "127.0.0.1:0")
    port = port_of(running)
    root = files.folder / "data" / "policyc" / "dev-tls" / "root.crt"
    assert any(str(root) in line for line in running.out)
    assert asked(port, root.read_text()) == "localhost 1.3 "
    with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
        asked(port, AUTHORITY.pem)
    assert os.stat(root.parent).st_mode & 0o777 == 0o700


@pytest.mark.e2e
def test_clients_are_asked_for_certificates_whether_the_program_is_compiled_or_from_the_cache(
    gateway: Gateway, files: Files
) -> None:
    OPS.write(files.folder / "ops.pem")
    ca = AUTHORITY.pem.replace("\n", "\\n")
    files.policy.write_text(
        ANSWER.format(
            f'on_tcp_connect {{ terminate-tls {{ mutual_tls_certificate_authorities: ["{ca}"] }} '
            'when conn.tls.client.subject.common_name != "ops.example" { deny } }'
        )
    )
    for _ in range(2):
        running = gateway(*files.flags)
        port = port_of(running)
        context = ssl.create_default_context(cadata=AUTHORITY.pem)
        with pytest.raises(httpx.TransportError):
            httpx.get(f"https://localhost:{port}/", verify=context)
        context.load_cert_chain(files.folder / "ops.pem")
        answer = httpx.get(f"https://localhost:{port}/", verify=context)
        assert answer.text == "localhost 1.3 ops.example"
        assert running.stop()[0] == 0


@pytest.mark.e2e
def test_a_reload_takes_new_certificates_and_a_bad_one_changes_nothing(
    gateway: Gateway, files: Files
) -> None:
    running = gateway(*files.flags)
    port = port_of(running)
    other = Authority()
    Signed(SERVER.certificate, OPS.private_key).write(files.cert, files.key)
    running.process.send_signal(signal.SIGHUP)
    said = running.wait_for_error("not reloaded.*").group()
    assert f"{files.cert} with {files.key}: the key is not that of the certificate" in said
    assert asked(port, AUTHORITY.pem) == "localhost 1.3 "
    other.sign("localhost").write(files.cert, files.key)
    running.process.send_signal(signal.SIGHUP)
    running.wait_for("reloaded")
    assert asked(port, other.pem) == "localhost 1.3 "


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--https", "8443"), "--https needs certificates"),
        (("--cert", "a.crt"), "every --cert needs its --key"),
        (("--cert", "{0}/no.crt", "--key", "{0}/a.key"), "{0}/no.crt: no such file or directory"),
        (("--cert", "{0}/a.crt", "--key", "{0}/ca.pem"), "{0}/a.crt with {0}/ca.pem: "),
        (("--certificates", "{0}/none"), "{0}/none: no such file or directory"),
    ],
)
def test_a_certificate_that_cannot_be_used_is_one_line_at_the_start(
    policyc: Command, files: Files, flags: tuple[str, ...], words: str
) -> None:
    folder = str(files.folder)
    status, _, err = policyc("run", files.policy, *(flag.format(folder) for flag in flags), "--http", "0")
    assert status in (1, 2)
    [line] = err.splitlines()
    assert words.format(folder) in line


def test_files_of_certificates_can_be_watched(tmp_path: Path) -> None:
    assert list(certificate_files(parsed())()) == []
    assert list(certificate_files(parsed("--dev-tls"))()) == []
    named = certificate_files(parsed("--cert", "a.crt", "--key", "a.key", "--certificates", str(tmp_path)))
    assert list(named()) == ["a.crt", "a.key", str(tmp_path)]
    for name in ("b.crt", "b.key"):  # found as soon as they are there
        (tmp_path / name).touch()
    assert len(list(named())) == 5
