"""Send the client to another URL."""

from __future__ import annotations

from policyc.engine.action import Action, Ends, Site, Step
from policyc.engine.actions.custom_response import kept, warn_managed
from policyc.engine.actions.url_rewrite import Replacement, warn_pattern
from policyc.engine.outcome import Fail, Respond
from policyc.engine.phases import Phase, Protocol
from policyc.engine.rewriting import (
    NO_ERROR,
    RESULT,
    NotUrlError,
    failed,
    replacer,
    resolve,
    subject_of,
)
from policyc.engine.schema import (
    Cel,
    Choice,
    Config,
    FieldFault,
    HeaderMap,
    HeaderName,
    Regex,
    Schema,
    field,
)
from policyc.engine.traffic import Exchange

STATUSES = (301, 302, 303, 307, 308)

SCHEMA = Schema(
    field(
        "from",
        Regex(Cel.TEMPLATE),
        "pattern that is looked for in the whole URL; without it all of the URL matches",
    ),
    field(
        "to",
        Replacement(),
        "what takes the place of each match, with `$1` for groups",
        required=True,
    ),
    field("status_code", Choice(*STATUSES), "status of the answer", default=302),
    field("headers", HeaderMap(HeaderName(), most=10), "further headers of the answer"),
    hints={
        "location": "the field is called `to`",
        "url": "the field is called `to`",
        "status": "the field is called `status_code`",
    },
)


def check_redirect(config: Config, site: Site) -> None:
    """Report patterns that cannot mean what they say, and headers that will be dropped."""
    warn_pattern(config, site)
    warn_managed(config, site, ("location",))


def compile_redirect(config: Config, site: Site) -> Step:
    """Return the step: an answer if the URL would change, else nothing (spec/actions.md#redirect)."""
    replace = replacer(config, "redirect")
    status = config.constant("status_code", int)
    headers = config.get("headers")
    read_headers = None if headers is None else headers.reader()

    def step(x: Exchange) -> Respond | Fail | None:
        subject = subject_of(x)
        try:
            replaced = replace(x, subject)
            if not replaced.matches:
                x.results["redirect"] = {"matches": [], "url": subject, "error": NO_ERROR}
                return None
            try:
                url = resolve(replaced.text, x.req).text
            except NotUrlError as problem:
                raise FieldFault(3900, "redirect", "to", str(problem)) from None
            x.results["redirect"] = {"matches": replaced.matches, "url": url, "error": NO_ERROR}
            if url == subject:
                return None
            lines = [] if read_headers is None else kept(read_headers(x), ("location",))
        except FieldFault as fault:
            failed(x, "redirect", subject, fault)
            return fault.outcome()
        return Respond(status, [("location", url), *lines], reason="redirect")

    return step


ACTION = Action(
    name="redirect",
    doc="Answer with the URL that replacing in the request's URL gives. If nothing matches, or the URL "
    "would stay "
    "the same, nothing happens.",
    schema=SCHEMA,
    phases=frozenset({Phase.HTTP_REQUEST}),
    protocols=frozenset({Protocol.HTTP, Protocol.HTTPS}),
    ends=Ends.MAY,
    result=RESULT,
    result_name="redirect",
    check=check_redirect,
    compile=compile_redirect,
    example='on_http_request { redirect { from: "^http://([^/]+)(.*)$", to: "https://$1$2", status_code: '
    "308 } }",
    source="spec/actions.md#redirect",
)
