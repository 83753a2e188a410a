"""The settings of an endpoint besides its URL, upstream and phases, and what may stand in each.

Source: spec/endpoints.md §2, §4, §5, §8.2, §8.3. Nested ones (`upstream`, `agent_tls_termination`) go by
dotted names, whether written nested or, as the reader of agent files gives them, dotted already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from policyc.engine.errors import PolicycError
from policyc.grammar import syntax
from policyc.grammar.codes import declare
from policyc.grammar.diagnostic import Label, Report
from policyc.grammar.source import Span, Text

if TYPE_CHECKING:
    from policyc.engine.cel.scope import Scope

DESCRIPTION_MAX = 255  # ERR_NGROK_18012
METADATA_MAX = 4096  # ERR_NGROK_18013

UNKNOWN_SETTING = declare(
    "P0510",
    "unknown-setting",
    "an endpoint has no such setting",
    explanation="The settings of an endpoint are `binding`, `pooling_enabled`, `name`, `description`, "
    "`metadata`, `account`, `traffic_policy_file`, and those under `upstream` and `agent_tls_termination`. "
    "One that is not known would be silently ignored, so it is refused.",
    wrong='endpoint "https://app.internal" -> "http://127.0.0.1:9000" { pooling: true }',
    right='endpoint "https://app.internal" -> "http://127.0.0.1:9000" { pooling_enabled: true }',
    ngrok=18014,
)
BAD_SETTING = declare(
    "P0511",
    "bad-setting",
    "a setting of an endpoint has a value that it cannot have",
    explanation="Each setting takes values of one kind, and they must be known before any traffic flows.",
    wrong='endpoint "https://app.internal" -> "http://127.0.0.1:9000" { pooling_enabled: "yes" }',
    right='endpoint "https://app.internal" -> "http://127.0.0.1:9000" { pooling_enabled: true }',
    ngrok=18014,
)
SETTING_TWICE = declare(
    "P0512",
    "setting-twice",
    "a setting is given twice",
    explanation="A setting may be given once; `binding` and `bindings` are the same one.",
    wrong='endpoint "https://app.internal" -> "http://127.0.0.1:9000" { name: "a", name: "b" }',
    right='endpoint "https://app.internal" -> "http://127.0.0.1:9000" { name: "a" }',
    ngrok=18014,
)
SETTING_AS_TEXT = declare(
    "P0513",
    "setting-as-text",
    "a number or boolean stands where a text belongs",
    explanation="The value is taken as the text that was written. Quotes say so.",
    wrong='endpoint "https://app.internal" -> "http://127.0.0.1:9000" { name: 7 }',
    right='endpoint "https://app.internal" -> "http://127.0.0.1:9000" { name: "7" }',
    severity="warning",
)


class Misfit(Exception):  # noqa: N818  # it never leaves this module
    """A value that a setting cannot have."""

    def __init__(self, message: str, ngrok: int | None = None, hint: str | None = None) -> None:
        """`message` continues `setting … `."""
        super().__init__(message)
        self.message = message
        self.ngrok = ngrok
        self.hint = hint


class Setting(NamedTuple):
    """A setting: how its constant value is taken, and what it is for."""

    name: str
    take: Callable[[object], object]
    doc: str


def _text(most: int | None = None, ngrok: int | None = None) -> Callable[[object], object]:
    def take(value: object) -> object:
        if not isinstance(value, str):
            raise Misfit("must be a text")
        if most is not None and len(value) > most:
            raise Misfit(f"may have at most {most} characters, not {len(value)}", ngrok)
        return value

    return take


def _boolean(value: object) -> object:
    if not isinstance(value, bool):
        raise Misfit("must be `true` or `false`")
    return value


def _one_of(*allowed: object, ngrok: int | None = None) -> Callable[[object], object]:
    shown = ", ".join(f"`{each}`" for each in allowed[:-1]) + f" or `{allowed[-1]}`"

    def take(value: object) -> object:
        for each in allowed:
            if str(value) == str(each) and not isinstance(value, bool):
                return each
        near = None
        if isinstance(value, str):
            from policyc.grammar.nearest import nearest

            near = nearest(value, map(str, allowed))
        raise Misfit(f"must be {shown}", ngrok, f"did you mean `{near}`?" if near else None)

    return take


_VERSION = _one_of(1, 2)


def _proxy_protocol(value: object) -> object:
    return None if value == "" else _VERSION(value)


_BINDING = _one_of("public", "internal", "kubernetes", ngrok=15005)


def _bindings(value: object) -> object:
    """Take the list, which may hold one binding (spec/endpoints.md §2)."""
    if not isinstance(value, list):
        raise Misfit("must be a list", hint=f"write `[{value}]`" if isinstance(value, str) else None)
    if len(value) > 1:
        raise Misfit(
            "holds one binding, not several", 15006 if len(set(map(str, value))) < len(value) else 18007
        )
    return _BINDING(value[0]) if value else None


def _texts(value: object) -> object:
    each = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str) for one in each):
        raise Misfit("must be a text or a list of texts")
    return each


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "binding",
        _BINDING,
        "who may send traffic: `public`, `internal`, `kubernetes`; inferred from the host",
    ),
    Setting(
        "pooling_enabled", _boolean, "whether the endpoint shares its URL with others that enable it too"
    ),
    Setting("name", _text(), "a name, unique in its file"),
    Setting("description", _text(DESCRIPTION_MAX, 18012), "a description for people"),
    Setting("metadata", _text(METADATA_MAX, 18013), "data for programs, of any form"),
    Setting("account", _text(), "the account that owns the endpoint and its internal names"),
    Setting("traffic_policy_file", _text(), "a file that holds the policy, relative to this one"),
    Setting("upstream.protocol", _one_of("http1", "http2", ngrok=15003), "HTTP version to the upstream"),
    Setting(
        "upstream.proxy_protocol",
        _proxy_protocol,
        "version of the PROXY header to the upstream; none by default",
    ),
    Setting("upstream.tls_verify", _boolean, "whether the certificate of the upstream is verified"),
    Setting("upstream.tls_verify_cas", _text(), "the authorities to verify it against: a path or PEM"),
    Setting("agent_tls_termination.server_certificate", _text(), "certificate for ending TLS: a path or PEM"),
    Setting("agent_tls_termination.server_private_key", _text(), "its key: a path or PEM"),
    Setting(
        "agent_tls_termination.mutual_tls_certificate_authorities",
        _texts,
        "authorities of client certificates",
    ),
)
_BY_NAME = {setting.name: setting for setting in SETTINGS}
_SAME = {"bindings": "binding"}
_NESTED = ("upstream", "agent_tls_termination")
_HINTS = {
    "pooling": "did you mean `pooling_enabled`?",
    "policy": "in an agent file the key is `traffic_policy`",
    "url": "the URL stands behind `endpoint`",
    "upstream.url": "the upstream stands behind `->`",
    "type": "an endpoint without an upstream is a cloud endpoint, one with an upstream is an agent endpoint",
}


def taken_settings(given: Mapping[str, object]) -> dict[str, object]:
    """Return the nested settings of an endpoint as a program gives them, by dotted names.

    Raises PolicycError for one that there is not, or with a value that it cannot have.
    """
    taken = {}
    for name, value in given.items():
        setting = _BY_NAME.get(name)
        if setting is None or name.partition(".")[0] not in _NESTED:
            raise PolicycError(f"an endpoint has no setting `{name}` to be given so")
        try:
            taken[name] = setting.take(value)
        except Misfit as misfit:
            raise PolicycError(f"`{name}` {misfit.message}") from None
    return taken


class Given(NamedTuple):
    """A setting as a file gives it: its value, and where key and value stand."""

    value: object
    key: Span
    span: Span


def read_settings(
    entries: Sequence[syntax.MapEntry], scope: Scope, report: Report, where: str
) -> dict[str, Given]:
    """Return the settings of an endpoint by name, without those reported; `where` begins their paths."""
    found: dict[str, Given] = {}
    for written, entry in _flattened(entries, ""):
        name = _SAME.get(written, written)
        setting = _BY_NAME.get(name)
        path = f"{where}{written}"
        if setting is None:
            _report_unknown(written, entry.key.span, report, path)
            continue
        if name in found:
            label = Label(found[name].key, "given here first")
            report.add(
                SETTING_TWICE, f"`{written}` is given twice", entry.key.span, labels=[label], path=path
            )
            continue
        try:
            value = _constant(entry.value, scope, report, path, where, wants_text=name not in _TYPED)
            if value is None:
                continue
            taken = (_bindings if written == "bindings" else setting.take)(value[0])
        except Misfit as misfit:
            report.add(
                BAD_SETTING, f"`{written}` {misfit.message}", entry.value.span,
                ngrok=misfit.ngrok, hint=misfit.hint, path=path,
            )  # fmt: skip
            continue
        found[name] = Given(taken, entry.key.span, entry.value.span)
    return found


_TYPED = frozenset({"pooling_enabled", "upstream.tls_verify", "upstream.proxy_protocol", "binding"})


def _flattened(entries: Sequence[syntax.MapEntry], prefix: str) -> Iterator[tuple[str, syntax.MapEntry]]:
    for entry in entries:
        name = f"{prefix}{entry.key.value}"
        if name in _NESTED and isinstance(entry.value, syntax.MapValue):
            yield from _flattened(entry.value.entries, f"{name}.")
        else:
            yield name, entry


def _report_unknown(name: str, span: Span, report: Report, path: str) -> None:
    from policyc.grammar.nearest import nearest

    hint = _HINTS.get(name)
    if hint is None:
        near = nearest(name, _BY_NAME)
        hint = f"did you mean `{near}`?" if near else None
    report.add(UNKNOWN_SETTING, f"an endpoint has no setting `{name}`", span, hint=hint, path=path)


def _constant_text(text: Text, report: Report, path: str) -> tuple[object] | None:
    """Return a text of a `.policy` file without placeholders, in a tuple; None if errors were reported."""
    from policyc.grammar.parser import parse_template

    template = parse_template(text, report, path or None)
    if template is None:
        return None
    if not all(isinstance(part, str) for part in template.parts):
        raise Misfit("takes no interpolation", hint="write `$${` for a literal `${`")
    return ("".join(str(part) for part in template.parts),)


def _constant(
    value: syntax.Value, scope: Scope, report: Report, path: str, where: str, *, wants_text: bool
) -> tuple[object] | None:
    """Return the value in a tuple; None if it is null (the setting is then left out) or was reported."""
    match value:
        case syntax.TextValue(text=text):
            # In an agent file (whose places have paths) `${` is text like any other.
            return (text.value,) if where or "${" not in text.value else _constant_text(text, report, path)
        case syntax.PlainValue(kind="null"):
            return None
        case syntax.PlainValue(value=plain, raw=raw, span=span):
            if wants_text:
                hint = f'write `"{raw}"`'
                report.add(SETTING_AS_TEXT, f"`{raw}` is taken as a text", span, hint=hint, path=path)
                return (raw,)
            return (plain,)
        case syntax.ListValue(items=items):
            parts = [_constant(item, scope, report, path, where, wants_text=wants_text) for item in items]
            return ([part[0] for part in parts if part is not None],)
        case syntax.MapValue():
            raise Misfit("must not be a mapping")
        case syntax.ExprValue(expr=expr):
            return _folded(expr, scope, report, path)


def _folded(expr: syntax.Expr, scope: Scope, report: Report, path: str) -> tuple[object] | None:
    from policyc.engine.cel.check import check
    from policyc.engine.cel.fold import constant, fold

    node = check(expr, scope, report, path=path)
    if node is None:
        return None
    known = constant(fold(node))
    if known is None:
        raise Misfit("must be known before any traffic flows", hint="write the value itself")
    return (known.value,)
