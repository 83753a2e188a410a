"""Secrets that are written out in a document: a warning, wherever they stand (architecture.md §6.

Hazards).
"""

from __future__ import annotations

from policyc.engine.action import Site
from policyc.engine.schema import Reading
from policyc.grammar.codes import declare

SECRET_IN_CLEAR = declare(
    "P0700",
    "secret-in-clear",
    "a secret is written out in the policy",
    explanation="Whoever can read the document, its history or its backups can read the secret. A secret "
    "belongs "
    "in a store, from where `secrets.get` takes it when it is needed.",
    wrong='on_http_request { basic-auth { credentials: ["ops:long enough"] } }',
    right="on_http_request { basic-auth { credentials: [\"ops:${secrets.get('vault', 'ops')}\"] } }",
    severity="warning",
)


def warn_secret(reading: Reading, what: str, site: Site) -> None:
    """Warn of a constant that should be no constant; `what` says what is written out."""
    site.report.add(
        SECRET_IN_CLEAR,
        f"{what} is written out in the policy",
        reading.span,
        hint="take it from a store with `secrets.get`",
        path=reading.path,
    )
