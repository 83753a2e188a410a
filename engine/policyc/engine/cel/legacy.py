"""Names that people write because another version, another product or another language has them.

They are not read; the diagnostic says what the name is today (spec/variables.md §9.9, spec/policy-language.md
§1.3, §4).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from policyc.engine.types import Record
from policyc.grammar.nearest import nearest

if TYPE_CHECKING:
    from policyc.engine.cel.scope import Scope
    from policyc.grammar import syntax

MACROS = (
    "all",
    "exists",
    "exists_one",
    "filter",
    "has",
    "map",
    "sortBy",
)

# Longest first wins: what a name (or the beginning of one) is today; None where there is nothing.
_TODAY: Mapping[str, str | None] = {
    "client_ip": "conn.client_ip",
    "conn.ClientTLS": "conn.tls",
    "conn.country": "conn.client_ip.geo.location.country",
    "conn.end_ts": None,
    "conn.ip": "conn.client_ip",
    "conn.remote_ip": "conn.client_ip",
    "conn.start_ts": "conn.ts.start",
    "conn.ts.end": None,
    "connection": "conn",
    "ctx": "conn",
    "headers": "req.headers",
    "http.request": "req",
    "http.response": "res",
    "identity": "actions.ngrok.oauth.identity",
    "ip": "conn.client_ip",
    "method": "req.method",
    "ngrok.geo": "conn.geo",
    "ngrok": "conn",
    "now": "time.now",
    "oauth": "actions.ngrok.oauth",
    "oidc": "actions.ngrok.oidc",
    "path": "req.url.path",
    "req.ClientTLS": "conn.tls",
    "req.body": None,
    "req.client_ip": "conn.client_ip",
    "req.ip": "conn.client_ip",
    "req.params": "req.url.query_params",
    "req.query": "req.url.query",
    "req.remote_addr": "conn.client_ip",
    "req.remote_ip": "conn.client_ip",
    "request": "req",
    "res.body": None,
    "res.code": "res.status_code",
    "res.status": "res.status_code",
    "resp": "res",
    "response": "res",
}
_GONE: Mapping[str, str] = {
    "conn.end_ts": "the end of a connection is not known while a policy runs",
    "conn.ts.end": "the end of a connection is not known while a policy runs",
    "req.body": "policies do not see the body of a request",
    "res.body": "policies do not see the body of a response",
    "env": "policies do not read the environment; a secret comes from `secrets.get(vault, name)`",
}

_OF_OPTIONALS = frozenset({"hasValue", "optFlatMap", "optMap", "or", "orValue", "unwrapOpt", "value"})
_OF_MESSAGES = frozenset({"http", "utility", "request", "response"})
_FUNCTIONS: Mapping[str, str] = {
    "concat": "+",
    "endswith": "endsWith",
    "ends_with": "endsWith",
    "forall": "all",
    "has_prefix": "startsWith",
    "hasPrefix": "startsWith",
    "hasSuffix": "endsWith",
    "includes": "contains",
    "isEmpty": "size() == 0",
    "len": "size",
    "length": "size",
    "match": "matches",
    "regex": "matches",
    "some": "exists",
    "any": "exists",
    "every": "all",
    "starts_with": "startsWith",
    "startswith": "startsWith",
    "str": "string",
    "toLower": "lower",
    "toLowerCase": "lower",
    "toString": "string",
    "toUpper": "upper",
    "toUpperCase": "upper",
    "to_lower": "lower",
    "to_upper": "upper",
}


def variable_hint(name: str, scope: Scope) -> str | None:
    """Return what to write instead of a variable that there is not, None if nothing is known of it."""
    for known, text in _GONE.items():
        if name == known or name.startswith(f"{known}."):
            return text
    if name.startswith("actions.") and not name.startswith("actions.ngrok"):
        return _result_hint(name.removeprefix("actions."), scope)
    today = _renamed(name)
    for candidate in dict.fromkeys((today, snake_case(today), snake_case(name))):
        if candidate != name and scope.is_path(candidate):
            return f"did you mean `{candidate}`?"
        if candidate != name and _leads_into_value(candidate, scope):
            return f"did you mean `{candidate}`?"
    head, _, last = snake_case(today).rpartition(".")
    found = _somewhere_below(head, last, scope) if head else None
    if found is not None:
        return f"did you mean `{found}`?"
    if today != name:
        return f"did you mean `{today}`?"
    if name.isupper():
        return _GONE["env"]
    return None


def path_hint(name: str, scope: Scope) -> str | None:
    """Return what a whole path in an older spelling is today (`conn.Geo.CountryCode`), None if it is none."""
    for candidate in dict.fromkeys((snake_case(_renamed(name)), snake_case(name))):
        if candidate != name and scope.is_path(candidate):
            return f"did you mean `{candidate}`?"
    return None


def _result_hint(name: str, scope: Scope) -> str:
    """`actions.rate_limit` without `ngrok` in between."""
    variable = scope.variable("actions.ngrok")
    fields = variable.type.fields if variable and isinstance(variable.type, Record) else {}
    first, dot, rest = name.partition(".")
    known = first if first in fields else nearest(first, fields)
    return f"did you mean `actions.ngrok.{known or first}{dot}{rest}`?"


def _renamed(name: str) -> str:
    for known in sorted(_TODAY, key=len, reverse=True):
        today = _TODAY[known]
        if today is not None and (name == known or name.startswith(f"{known}.")):
            return today + name[len(known) :]
    return name


def _leads_into_value(path: str, scope: Scope) -> bool:
    """Tell whether a path goes through a variable whose value has keys of its own (`req.headers.accept`)."""
    while "." in path:
        path = path.rpartition(".")[0]
        variable = scope.variable(path) if scope.is_path(path) else None
        if variable is not None:
            return variable.type.name in ("headers", "map") or path == "actions.ngrok"
    return False


def _somewhere_below(head: str, last: str, scope: Scope) -> str | None:
    """Return the path below `head` whose last part is `last`, the shortest if there are several."""
    todo = [head]
    while todo:
        path = todo.pop(0)
        for name in scope.below(path):
            inner = f"{path}.{name}"
            if name == last:
                return inner
            todo.append(inner)
    return None


def snake_case(path: str) -> str:
    """Return `conn.Geo.CountryCode` as `conn.geo.country_code`."""
    made: list[str] = []
    for at, char in enumerate(path):
        before = path[at - 1] if at else "."
        after = path[at + 1] if at + 1 < len(path) else ""
        if char.isupper():
            if before not in "._" and (not before.isupper() or after.islower()):
                made.append("_")
            made.append(char.lower())
        else:
            made.append(char)
    return "".join(made)


def is_no_such_call(call: syntax.Call) -> bool:
    """Tell whether a call has the name of a function, but the shape of something that never was one."""
    return call.function == "sort" and len(call.args) == 3


def function_hint(name: str, call: syntax.Call) -> str | None:
    """Return what to write instead of a function that there is not, None if nothing is known of it."""
    if is_no_such_call(call):
        return "did you mean `sortBy(x, key)`?"
    today = _FUNCTIONS.get(name)
    if today is not None:
        return f"did you mean `{today}`?"
    if name in _OF_OPTIONALS:
        return "policies have no optional values: ask with `has(…)` or `in` whether something is there"
    namespace = name.partition(".")[0]
    if namespace == "cel":
        return "a `let` names a part of an expression"
    if namespace in _OF_MESSAGES:
        return "there is no such function; read the variables under `req` and `res`"
    return None
