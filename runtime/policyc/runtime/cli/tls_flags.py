"""`--https`, `--cert` and `--key`, `--certificates`, `--dev-tls`: where https is served, and as whom."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from policyc.runtime.cli.address import DEFAULT_TLS, listen_address
from policyc.runtime.cli.failure import CommandError

if TYPE_CHECKING:
    from policyc.runtime.transport.certificates import CertificateSource

DEFAULT_HTTPS = ("127.0.0.1", 8443)


def add_tls_flags(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    group = parser.add_argument_group("TLS")
    group.add_argument(
        "--https",
        metavar="ADDR",
        action="append",
        default=[],
        type=listen_address,
        help="where to serve public https endpoints, and tls endpoints beside them, chosen by SNI; may be "
        "repeated (default with certificates: 127.0.0.1:8443)",
    )
    group.add_argument(
        "--cert",
        metavar="FILE",
        action="append",
        default=[],
        help="a certificate with its chain, PEM; SNI picks among several by the names in them",
    )
    group.add_argument(
        "--key", metavar="FILE", action="append", default=[], help="the key of the --cert before it, PEM"
    )
    group.add_argument(
        "--certificates",
        metavar="DIR",
        action="append",
        default=[],
        help="a directory of certificates: NAME.crt with NAME.key, both in one .pem, or as certbot lays them",
    )
    group.add_argument(
        "--dev-tls",
        action="store_true",
        help="certificates of an authority for development, made on the spot; it says where its root lies",
    )


def https_addresses(arguments: argparse.Namespace) -> list[tuple[str, int]]:
    """Return where https is to be served, nowhere without certificates. Raises CommandError."""
    has_certificates = arguments.cert or arguments.certificates or arguments.dev_tls
    if arguments.https and not has_certificates:
        raise CommandError("--https needs certificates: --cert with --key, --certificates, or --dev-tls")
    return arguments.https or ([DEFAULT_HTTPS] if has_certificates else [])


def tls_address(arguments: argparse.Namespace) -> tuple[str, int] | None:
    """Return where tls endpoints have a listener of their own, None where they share that of https."""
    https = https_addresses(arguments)
    asked: tuple[str, int] | None = arguments.tls
    if asked is None:
        return None if https else DEFAULT_TLS
    return None if asked in https else asked


def certificates_of(arguments: argparse.Namespace) -> CertificateSource | None:
    """Return where certificates come from, None where there are none. Raises CommandError."""
    certs, keys = arguments.cert, arguments.key
    if len(certs) != len(keys):
        raise CommandError(f"every --cert needs its --key: there are {len(certs)} and {len(keys)}")
    if arguments.dev_tls:
        if certs or arguments.certificates:
            raise CommandError("--dev-tls makes certificates of its own: leave --cert and --certificates out")
        from policyc.runtime.transport.certificates import CertificateError
        from policyc.runtime.transport.dev_certificates import DevAuthority

        try:
            return DevAuthority()
        except CertificateError as error:
            raise CommandError(str(error)) from None
    if not certs and not arguments.certificates:
        return None
    from policyc.runtime.transport.certificates import CertificateFiles

    return CertificateFiles(list(zip(certs, keys, strict=True)), arguments.certificates)


def certificate_files(arguments: argparse.Namespace) -> Callable[[], Iterable[str]]:
    """Return what names the files that certificates are read from, as they are then."""
    if not arguments.cert and not arguments.certificates:
        return tuple
    from policyc.runtime.transport.certificates import CertificateFiles

    return CertificateFiles(
        list(zip(arguments.cert, arguments.key, strict=True)), arguments.certificates
    ).files


def notice_of(source: CertificateSource | None) -> list[str]:
    """Return the line on an authority that clients are to trust."""
    from policyc.runtime.transport.dev_certificates import DevAuthority

    if not isinstance(source, DevAuthority):
        return []
    return [f"certificates for development: clients are to trust {source.root}, and nobody else"]
