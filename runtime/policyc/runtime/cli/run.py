"""`policyc run FILE…`: policies as a gateway. What is checked here, the loop is in serving.py.

Exit status: 0 after a graceful stop, 1 if a policy is refused, 2 if the gateway could not start (a bad
flag, a file that cannot be read, a port in use). Standard output says what is served, standard error holds
the access log.
"""

from __future__ import annotations

import argparse
import socket
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from policyc.runtime.cli.address import (
    DEFAULT,
    DEFAULT_ADMIN,
    DEFAULT_TCP,
    admin_address,
    listen_address,
    listen_host,
)
from policyc.runtime.cli.cost_flag import add_cost_flag
from policyc.runtime.cli.failure import CommandError, reason
from policyc.runtime.cli.limit_flags import add_limit_flags, limits_from
from policyc.runtime.cli.setting_flags import add_setting_flags, settings_from
from policyc.runtime.cli.tls_flags import (
    add_tls_flags,
    certificate_files,
    certificates_of,
    https_addresses,
    notice_of,
    tls_address,
)

if TYPE_CHECKING:
    from types import ModuleType

    from policyc.engine.endpoint_url import EndpointUrl
    from policyc.engine.model import Program
    from policyc.runtime.asgi import AsgiApp
    from policyc.runtime.cli.one_process import Service
    from policyc.runtime.cli.programs import ProgramLoader
    from policyc.runtime.observe import AccessLog


WORKERS_LIMIT = 256


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of `run`."""
    parser.add_argument("files", nargs="*", metavar="FILE", help="policies and agent configs, run as one set")
    parser.add_argument(
        "--http",
        metavar="ADDR",
        type=listen_address,
        default=DEFAULT,
        help="where to serve public http and https endpoints in clear (default 127.0.0.1:8080; port 0: any)",
    )
    parser.add_argument(
        "--tcp",
        metavar="HOST",
        type=listen_host,
        default=DEFAULT_TCP,
        help="where to serve public tcp endpoints, each at its own port (default 127.0.0.1)",
    )
    parser.add_argument(
        "--tls",
        metavar="ADDR",
        type=listen_address,
        help="where to serve public tls endpoints, chosen by SNI, if there are any (default: where https is, "
        "else 127.0.0.1:8443)",
    )
    parser.add_argument(
        "--upstream", metavar="URL", help="where a policy without endpoints sends its traffic, for any Host"
    )
    parser.add_argument(
        "--app",
        metavar="URL=TARGET",
        action="append",
        default=[],
        help="an ASGI application as an endpoint: URL=MODULE:ATTR or URL=PATH.py:ATTR; several make a pool",
    )
    parser.add_argument(
        "--access-log", metavar="FILE", help="append the access log to FILE (default: standard error)"
    )
    parser.add_argument(
        "--access-log-format",
        choices=["json", "text"],
        default="json",
        help="how it is written: a JSON object per line (default), or lines as web servers write them",
    )
    parser.add_argument(
        "--admin",
        metavar="ADDR",
        type=admin_address,
        default=DEFAULT_ADMIN,
        help="where /healthz, /readyz and /metrics are (default 127.0.0.1:9901 if it is free), or `off`",
    )
    parser.add_argument(
        "--workers",
        metavar="N",
        type=worker_count,
        default=1,
        help="how many processes serve (default 1); rate limits count in each by itself",
    )
    parser.add_argument(
        "--watch", action="store_true", help="reload when a policy, or a file that one reads, has changed"
    )
    parser.add_argument("--log-level", choices=["debug", "info", "warning", "error"], default="warning")
    parser.add_argument(
        "--lenient", action="store_true", help="only warn of unreachable rules and idle phases"
    )
    add_cost_flag(parser)
    add_tls_flags(parser)
    add_setting_flags(parser)
    add_limit_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Serve until a signal says to stop; return the exit status."""
    from policyc.runtime.cli.compiling import Compiler
    from policyc.runtime.cli.logs import set_up_logs
    from policyc.runtime.cli.serving import Plan, Site, serve
    from policyc.runtime.process import raise_descriptor_limit

    if not arguments.files and not arguments.upstream and not arguments.app:
        raise CommandError("nothing to run: give a policy file, or --upstream URL for a plain proxy")
    set_up_logs(arguments.log_level)
    raise_descriptor_limit()
    settings = settings_from(arguments)
    check_upstream(arguments.upstream)
    loader = loader_of(arguments)
    compiler = Compiler(loader, arguments.argv)
    site: Site
    if arguments.workers > 1:
        from policyc.runtime.cli.workers import Workers

        certificates_of(arguments)  # an authority for development is made once, before there are several
        site = Workers(arguments, compiler, settings.drain_timeout_s)
    else:
        from policyc.runtime.cli.one_process import OneProcess

        apps = load_apps(arguments.app)
        site = OneProcess(service_of(arguments, loader, apps), compiler.first)
    if not arguments.watch:
        return serve(site, Plan(compiler, arguments.admin))
    return serve(
        site, Plan(compiler, arguments.admin, settings.watch_interval_s, certificate_files(arguments))
    )


def loader_of(arguments: argparse.Namespace) -> ProgramLoader:
    """Return what makes the program; applications are known by their URLs and not loaded."""
    from policyc.runtime.cli.apps import url_of
    from policyc.runtime.cli.programs import ProgramLoader

    settings = settings_from(arguments)
    registered = {url.url: url for url in (endpoint_of(url_of(flag)) for flag in arguments.app)}
    return ProgramLoader(
        arguments.files,
        account=settings.account,
        lenient=arguments.lenient,
        registered=tuple(registered.values()),
        has_upstream=arguments.upstream is not None,
        cost_limit=arguments.cost_limit,
        message_limits=settings.message_limits(),
        limits=limits_from(arguments),
    )


def service_of(
    arguments: argparse.Namespace,
    loader: ProgramLoader,
    apps: dict[str, list[AsgiApp]],
    *,
    is_worker: bool = False,
) -> Service:
    """Return what one process serves; a worker shares ports and log with others. Raises CommandError where
    the log cannot be written.
    """
    from policyc.runtime.cli.one_process import Service
    from policyc.runtime.gateway import Gateway

    settings = settings_from(arguments)
    https, certificates = https_addresses(arguments), certificates_of(arguments)
    log = open_log(arguments.access_log, arguments.access_log_format, is_shared=is_worker)

    def make(program: Program) -> Gateway:
        return Gateway(
            program, settings, apps=apps, upstream=arguments.upstream, log=log, reuse_port=is_worker,
            certificates=certificates,
        )  # fmt: skip

    return Service(
        make,
        loader,
        arguments.http,
        https,
        arguments.tcp,
        tls_address(arguments),
        log,
        {url: len(each) for url, each in apps.items()},
        arguments.upstream,
        settings.account,
        notice_of(certificates),
    )


def load_apps(flags: Sequence[str]) -> dict[str, list[AsgiApp]]:
    """Return the applications by the URL of their endpoint. Raises CommandError."""
    from policyc.runtime.cli.apps import load_app

    loaded: dict[str, ModuleType] = {}
    apps: dict[str, list[AsgiApp]] = {}
    for flag in flags:
        url, app = load_app(flag, loaded)
        apps.setdefault(endpoint_of(url).url, []).append(app)
    return apps


def endpoint_of(url: str) -> EndpointUrl:
    """Return the endpoint that a flag names. Raises CommandError."""
    from policyc.engine.endpoint_url import UrlProblem, parse_endpoint_url

    parsed = parse_endpoint_url(url)
    if isinstance(parsed, UrlProblem):
        raise CommandError(f"`{url}` is no URL of an endpoint: {parsed.message}")
    return parsed


def check_upstream(url: str | None) -> None:
    """Return if the URL is none or names an upstream. Raises CommandError."""
    from policyc.engine.endpoint_url import UrlProblem, parse_upstream
    from policyc.engine.phases import Protocol

    if url is None:
        return
    parsed = parse_upstream(url, Protocol.HTTP)
    if isinstance(parsed, UrlProblem):
        raise CommandError(f"--upstream {url}: {parsed.message}")


def open_log(path: str | None, form: str = "json", *, is_shared: bool = False) -> AccessLog:
    """Return the access log. Raises CommandError where its file cannot be written."""
    from policyc.runtime.observe import AccessLog
    from policyc.runtime.text_log import TextLog
    from policyc.runtime.whole_lines import WholeLines

    kind = TextLog if form == "text" else AccessLog
    if path is None and is_shared and sys.stderr is not None:
        return kind(WholeLines(sys.stderr.fileno()))
    try:
        return kind(path=path)
    except OSError as error:
        raise CommandError(f"cannot write the access log {path}: {reason(error)}") from None


def worker_count(text: str) -> int:
    """Return a number of processes. Raises ArgumentTypeError."""
    if not text.isdecimal() or not 1 <= int(text) <= WORKERS_LIMIT:
        raise argparse.ArgumentTypeError(f"`{text}` is no number of workers: 1 to {WORKERS_LIMIT}")
    if int(text) > 1 and not hasattr(socket, "SO_REUSEPORT"):
        raise argparse.ArgumentTypeError("this system does not let several processes share a port")
    return int(text)
