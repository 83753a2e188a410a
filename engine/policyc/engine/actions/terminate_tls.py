"""Say how the gateway terminates TLS, and which clients it trusts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from policyc.engine.action import Action, Ends, Site
from policyc.engine.outcome import Outcome, Terminate, TlsTerms
from policyc.engine.phases import Phase, Protocol
from policyc.engine.schema import Cel, Config, Enum, FieldFault, ListOf, Pem, Schema, field
from policyc.engine.schema.reading import Items
from policyc.engine.types import (
    BOOL,
    BYTES,
    ERROR_RECORD,
    STRING,
    TIMESTAMP,
    Field,
    Record,
    list_of,
)
from policyc.grammar.codes import declare

if TYPE_CHECKING:
    from policyc.engine.traffic import Certificate, Exchange

    Tail = Callable[[Exchange], Outcome | None]

KEY_WITHOUT_CERTIFICATE = declare(
    "P0368",
    "key-without-certificate",
    "a key without its certificate, or a certificate without its key",
    explanation="The gateway needs both to answer a handshake.",
    wrong='on_tcp_connect { terminate-tls { server_private_key: secrets.get("pki", "key") } }',
    right='on_tcp_connect { terminate-tls { server_private_key: secrets.get("pki", "key"), '
    'server_certificate: secrets.get("pki", "cert") } }',
    ngrok=2240,
)
VERSIONS_CROSSED = declare(
    "P0369",
    "tls-versions-crossed",
    "the lowest TLS version is above the highest",
    explanation="No handshake could succeed.",
    wrong='on_tcp_connect { terminate-tls { min_version: "1.3", max_version: "1.2" } }',
    right='on_tcp_connect { terminate-tls { min_version: "1.3" } }',
    ngrok=2204,
)

STRATEGY_WITHOUT_AUTHORITIES = declare(
    "P0392",
    "strategy-without-authorities",
    "a strategy of mutual TLS without authorities",
    explanation="Mutual TLS is turned on by `mutual_tls_certificate_authorities`. Without them no client is "
    "asked for a certificate, however strict the strategy reads.",
    wrong='on_tcp_connect { terminate-tls { mutual_tls_verification_strategy: "require-and-verify" } }',
    right='on_tcp_connect { terminate-tls { mutual_tls_certificate_authorities: [secrets.get("pki", '
    '"ca")], mutual_tls_verification_strategy: "require-and-verify" } }',
    severity="warning",
)

_KEY, _CERTIFICATE = "server_private_key", "server_certificate"
_STRATEGY = "mutual_tls_verification_strategy"
_AUTHORITIES = "mutual_tls_certificate_authorities"
_ID = "ca_"  # what ids of certificate authorities begin with

SCHEMA = Schema(
    field("min_version", Enum("1.2", "1.3"), "lowest TLS version", default="1.2"),
    field("max_version", Enum("1.2", "1.3"), "highest TLS version", default="1.3"),
    field(_KEY, Pem(Cel.TEMPLATE), "own key, in PEM form"),
    field(_CERTIFICATE, Pem(Cel.TEMPLATE), "own certificate with its chain, in PEM form"),
    field(
        _AUTHORITIES,
        ListOf(Pem(Cel.TEMPLATE, other=_ID), most=10),
        "certificate authorities whose clients are trusted, in PEM form or by id; turns mutual TLS on",
    ),
    field(
        _STRATEGY,
        Enum("require-and-verify", "require-any", "request"),
        "how strict mutual TLS is",
        default="require-and-verify",
    ),
)


def _name(name: str) -> Record:
    many = (
        "country",
        "locality",
        "organization",
        "organizational_unit",
        "postal_code",
        "province",
        "street_address",
    )
    return Record(
        name,
        (),
        {
            "common_name": Field(STRING, "common name"),
            **{part: Field(list_of(STRING), part.replace("_", " ")) for part in many},
        },
        is_text=True,
    )


def _certificate(side: str) -> Record:
    prefix = f"terminate_tls.{side}"
    names = ("dns_names", "email_addresses", "ip_addresses", "uris")
    extension = Record(
        f"{prefix}.extension",
        (),
        {
            "id": Field(STRING, "object identifier"),
            "critical": Field(BOOL, "whether it is critical"),
            "value": Field(BYTES, "its octets"),
        },
    )
    validity = {"not_before": Field(TIMESTAMP, "valid from"), "not_after": Field(TIMESTAMP, "valid until")}
    return Record(
        prefix,
        (),
        {
            "subject": Field(_name(f"{prefix}.subject"), "whom it is for"),
            "issuer": Field(_name(f"{prefix}.issuer"), "who signed it"),
            "san": Field(
                Record(
                    f"{prefix}.san",
                    (),
                    {name: Field(list_of(STRING), name.replace("_", " ")) for name in names},
                    is_text=True,
                ),
                "other names",
            ),
            "serial_number": Field(STRING, "serial number"),
            "signature_algorithm": Field(STRING, "how it was signed"),
            "validity": Field(Record(f"{prefix}.validity", (), validity), "when it is valid"),
            "extensions": Field(list_of(extension), "its extensions"),
        },
    )


RESULT = Record(
    "terminate_tls",
    (),
    {
        "version": Field(STRING, "TLS version of the session"),
        "cipher_suite": Field(STRING, "cipher suite of the session, by its IANA name"),
        "sni": Field(STRING, "server name that the client asked for"),
        "warnings": Field(list_of(STRING), "what was odd about ids of certificate authorities"),
        "client": Field(_certificate("client"), "certificate of the client"),
        "server": Field(_certificate("server"), "certificate of the server"),
        "error": Field(ERROR_RECORD, "what failed"),
    },
)


def check_terminate_tls(config: Config, site: Site) -> None:
    """Report half a key pair and versions that leave nothing."""
    for given, other in ((_KEY, _CERTIFICATE), (_CERTIFICATE, _KEY)):
        if given in config.given and other not in config.given:
            site.report.add(
                KEY_WITHOUT_CERTIFICATE,
                f"`{given}` needs `{other}`",
                config.span_of(given),
                hint=f"add `{other}`",
                path=config[given].path,
            )
    if config.constant("min_version", str) > config.constant("max_version", str):
        site.report.add(
            VERSIONS_CROSSED,
            "`min_version` is above `max_version`",
            config.span_of("min_version"),
            path=config["min_version"].path,
        )
    if _STRATEGY in config.given and _AUTHORITIES not in config.given:
        site.report.add(
            STRATEGY_WITHOUT_AUTHORITIES,
            f"`{_STRATEGY}` asks nobody for a certificate",
            config.span_of(_STRATEGY),
            hint=f"add `{_AUTHORITIES}`",
            path=config[_STRATEGY].path,
        )


def unavailable(config: Config) -> str | None:
    """Tell what the TLS library cannot do, and what no handshake could be made with."""
    from policyc.engine.pem import certificate_fault, key_fault

    if config.constant(_STRATEGY, str) == "require-any":
        return "this version cannot do `require-any`: the TLS library verifies every certificate it asks for"
    faults = {_CERTIFICATE: certificate_fault, _KEY: key_fault, _AUTHORITIES: certificate_fault}
    for name, fault in faults.items():
        for text in _known(config, name):
            why = fault(text)
            if why is not None:
                return f"`{name}` cannot be used: {why}"
    return None


def _known(config: Config, name: str) -> list[str]:
    """Return the texts in PEM form that a field gives, those of them that are known beforehand."""
    reading = config[name] if name in config.given else None
    texts = reading.items if isinstance(reading, Items) else () if reading is None else (reading,)
    known = [text.value for text in texts if text.is_constant]
    return [text for text in known if not (name == _AUTHORITIES and text.startswith(_ID))]


def known_terms(config: Config) -> TlsTerms | None:
    """Return what is known beforehand of the handshakes, None if that is nothing to be looked at."""
    certificates, keys = _known(config, _CERTIFICATE), _known(config, _KEY)
    authorities = _known(config, _AUTHORITIES)
    if certificates and keys:
        return TlsTerms(certificate=certificates[0], private_key=keys[0], authorities=tuple(authorities))
    return TlsTerms(authorities=tuple(authorities)) if authorities else None


def compile_terminate_tls(config: Config, site: Site) -> Callable[..., Outcome | None]:
    """Return the step. It is called with what follows in the phase (`tail`: see generate/phase.py)."""
    lowest, highest = config.constant("min_version", str), config.constant("max_version", str)
    is_required = config.constant(_STRATEGY, str) != "request"
    key = config[_KEY].reader() if _KEY in config.given else None
    certificate = config[_CERTIFICATE].reader() if _CERTIFICATE in config.given else None
    read = config[_AUTHORITIES].reader() if _AUTHORITIES in config.given else None
    asks = read is not None

    def step(x: Exchange, tail: Tail) -> Outcome | None:
        try:
            given = [text for text in read(x) if text is not None] if read is not None else []
            terms = TlsTerms(
                lowest,
                highest,
                certificate(x) if certificate is not None else "",
                key(x) if key is not None else "",
                tuple(text for text in given if not text.startswith(_ID)),
                asks,
                is_required,
            )
        except FieldFault as fault:
            return fault.outcome()
        warnings = [f"there is no certificate authority `{text}`" for text in given if text.startswith(_ID)]

        def resume(later: Exchange) -> Outcome | None:
            later.results["terminate_tls"] = result_of(later, warnings)
            return tail(later)

        return Terminate(terms, resume)

    return step


def result_of(x: Exchange, warnings: list[str]) -> dict[str, object]:
    """Return the result of a handshake: what `conn.tls` has."""
    tls = x.conn.tls
    assert tls is not None
    return {
        "version": tls.version,
        "cipher_suite": tls.cipher_suite,
        "sni": tls.sni,
        "warnings": warnings,
        "client": _record(tls.client),
        "server": _record(tls.server),
        "error": {"code": "", "message": ""},
    }


def _record(certificate: Certificate | None) -> dict[str, object]:
    return {} if certificate is None else certificate.record


ACTION = Action(
    name="terminate-tls",
    doc="End TLS at the gateway: with which versions and certificate, and which clients are trusted. On "
    "https it "
    "is always ended; on tls this action makes it so.",
    schema=SCHEMA,
    phases=frozenset({Phase.TCP_CONNECT}),
    protocols=frozenset({Protocol.HTTPS, Protocol.TLS}),
    ends=Ends.MAY,
    result=RESULT,
    result_name="terminate_tls",
    check=check_terminate_tls,
    compile=compile_terminate_tls,
    resumes=True,
    unavailable=unavailable,
    handshake=known_terms,
    example='on_tcp_connect { terminate-tls { min_version: "1.3", '
    "mutual_tls_certificate_authorities: [\"${secrets.get('gw', 'client-ca')}\"] } }",
    source="spec/actions.md#terminate-tls",
)
