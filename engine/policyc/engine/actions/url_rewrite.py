"""Change the path and query that the upstream sees."""

from __future__ import annotations

import re

from policyc.engine.action import Action, Ends, Site, Step
from policyc.engine.outcome import Fail
from policyc.engine.phases import Phase, Protocol
from policyc.engine.request_url import authority, rewrite
from policyc.engine.rewriting import (
    NO_ERROR,
    RESULT,
    NotUrlError,
    failed,
    replacer,
    resolve,
    subject_of,
)
from policyc.engine.schema import Cel, Config, FieldFault, Reading, Regex, Schema, Text, codes, field
from policyc.engine.schema.evaluate import Unfit
from policyc.engine.schema.kinds import shown, unsafe_sign
from policyc.engine.traffic import Exchange
from policyc.grammar.codes import declare
from policyc.grammar.diagnostic import Severity

ANCHORED_WITHOUT_SCHEME = declare(
    "P0352",
    "anchored-without-scheme",
    "a pattern is anchored, but does not start with a scheme",
    explanation="The pattern is matched against the full URL, which starts with `http://` or `https://`. "
    "After "
    "`^` anything else never matches.",
    wrong='on_http_request { url-rewrite { from: "^/old/", to: "/new/" } }',
    right='on_http_request { url-rewrite { from: "/old/", to: "/new/" } }',
    severity="warning",
)
NAMED_VARIABLE = declare(
    "P0353",
    "named-variable",
    "a replacement names a variable of another proxy",
    explanation="`$name` in a replacement is a group of the pattern. Names such as `$uri` and `$args` of "
    "other "
    "proxies mean nothing here and leave nothing behind; `${…}` gives what they gave.",
    wrong='on_http_request { url-rewrite { from: "/old", to: "/new$args" } }',
    right='on_http_request { url-rewrite { from: "/old", to: "/new?${req.url.query}" } }',
    severity="warning",
)
OPTIONAL_SIGN = declare(
    "P0312",
    "optional-sign",
    "a pattern has an unescaped `?` where a query seems to be meant",
    explanation="In a pattern `?` makes what stands before it optional; it does not match the `?` in "
    "front of a query. That one is written `\\?`.",
    wrong='on_http_request { redirect { from: "/search?q=", to: "/find?q=" } }',
    right="on_http_request { redirect { from: r'/search\\?q=', to: \"/find?q=\" } }",
    severity="warning",
)
HOST_CHANGED = declare(
    "P0354",
    "rewritten-host",
    "a rewrite changes the host, which has no effect",
    explanation="Only path and query of the result reach the upstream. Neither the Host header nor where the "
    "request goes changes; forward-internal sends traffic elsewhere, add-headers sets `host`.",
    wrong='on_http_request { url-rewrite { from: "^https://[^/]+", to: "https://other.example.com" } }',
    right='on_http_request { url-rewrite { from: "/old", to: "/new" } }',
    severity="warning",
)


class Replacement(Text):
    """What takes the place of a match; no part of it may hold a character that could split a message."""

    __slots__ = ()

    def __init__(self) -> None:
        """Take templates; nothing at all is no URL."""
        super().__init__(Cel.TEMPLATE, min_length=1)

    def accept_part(self, literal: str) -> None:
        """Refuse control characters."""
        if unsafe_sign(literal) is not None or "\t" in literal:
            raise Unfit(
                codes.NOT_A_URL, "is no URL: it holds a control character", hint="write `%0A` for one"
            )


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
    hints={"location": "the field is called `to`", "url": "the field is called `to`"},
)

_SCHEME_START = r"\^\(*(?:\?(?:P?<\w+>|:|[imsU]+[:)])\(*)?(?:[hH.\[\\]|$)"
_QUERY_MARK = r"(?<![\\(*+?}\])])\?(?=[\w-]+=)"
_REFERENCE = r"\$(\$|[A-Za-z0-9_]+)"


def _check_literal(to: Reading, is_whole: bool, site: Site) -> None:
    """Report a literal that could split a message, or (warning) that gives neither a URL nor a path."""
    if unsafe_sign(to.value) is not None or "\t" in to.value:
        site.report.add(
            codes.NOT_A_URL,
            "a URL cannot hold a control character",
            to.span,
            hint="write `%0A` for one",
            path=to.path,
        )
    elif is_whole and "://" not in to.value and not to.value.startswith(("/", "?", "$")):
        site.report.add(
            codes.NOT_A_URL,
            f"`{shown(to.value)}` is neither a URL nor a path, so the action would always fail",
            to.span,
            severity=Severity.WARNING,
            hint="start it with `https://` or with `/`",
            path=to.path,
        )


def warn_pattern(config: Config, site: Site) -> None:
    """Report an anchor before something else than a scheme, names that are no groups, and what is no URL."""
    pattern, to = config.get("from"), config["to"]
    if to.is_constant:
        _check_literal(to, pattern is None, site)
    if pattern is not None and pattern.is_constant:
        text = pattern.value
        if text.startswith("^") and not re.match(_SCHEME_START, text):
            site.report.add(
                ANCHORED_WITHOUT_SCHEME,
                "the pattern is matched against the full URL, which never starts like this",
                pattern.span,
                hint="leave `^` out, or start with `^https?://`",
                path=pattern.path,
            )
        if re.search(_QUERY_MARK, text):
            site.report.add(
                OPTIONAL_SIGN,
                "`?` makes the character before it optional, and matches no `?`",
                pattern.span,
                hint="write `\\?` for the one in front of a query",
                path=pattern.path,
            )
    if to.is_constant and (pattern is None or pattern.is_constant):
        from policyc.engine.cel.regex import compiled

        made = None if pattern is None else compiled(pattern.value)
        for name in re.findall(_REFERENCE, to.value):
            if name == "$" or name in (made.groupindex if made else {}):
                continue
            if name.isdigit() and int(name) <= (made.groups if made else 0):
                continue
            site.report.add(
                NAMED_VARIABLE,
                f"the pattern has no group `{name}`, so `${name}` stands for nothing",
                to.span,
                hint="write `$$` for a dollar sign"
                if name.isdigit()
                else f"write `${{…}}` instead of `${name}`",
                path=to.path,
            )


def check_url_rewrite(config: Config, site: Site) -> None:
    """Report patterns that cannot mean what they say, and a literal host in the result."""
    warn_pattern(config, site)
    to = config["to"]
    if to.is_constant and re.match(r"https?://[^/$]+", to.value):
        site.report.add(
            HOST_CHANGED,
            "only path and query of the new URL reach the upstream",
            to.span,
            hint="use forward-internal to send the request elsewhere",
            path=to.path,
        )


def compile_url_rewrite(config: Config, site: Site) -> Step:
    """Return the step: later rules and the upstream see the new URL."""
    replace = replacer(config, "url-rewrite")

    def step(x: Exchange) -> Fail | None:
        subject = subject_of(x)
        try:
            replaced = replace(x, subject)
            if not replaced.matches:
                x.results["url_rewrite"] = {"matches": [], "url": subject, "error": NO_ERROR}
                return None
            try:
                url = resolve(replaced.text, x.req)
            except NotUrlError as problem:
                raise FieldFault(3900, "url-rewrite", "to", str(problem)) from None
        except FieldFault as fault:
            failed(x, "url_rewrite", subject, fault)
            return fault.outcome()
        target = url.rest.partition("#")[0]
        rewrite(x.req, target)
        shown = f"{x.req.scheme}://{authority(x.req)}{target}"
        x.results["url_rewrite"] = {"matches": replaced.matches, "url": shown, "error": NO_ERROR}
        return None

    return step


ACTION = Action(
    name="url-rewrite",
    doc="Replace in the URL of the request. The client keeps seeing its own URL, the upstream and later "
    "rules see "
    "the new path and query.",
    schema=SCHEMA,
    phases=frozenset({Phase.HTTP_REQUEST}),
    protocols=frozenset({Protocol.HTTP, Protocol.HTTPS}),
    ends=Ends.NEVER,
    result=RESULT,
    result_name="url_rewrite",
    check=check_url_rewrite,
    compile=compile_url_rewrite,
    example='on_http_request { when req.url.path.startsWith("/old/") { url-rewrite { from: "/old/", to: '
    '"/new/" } } }',
    source="spec/actions.md#url-rewrite",
)
