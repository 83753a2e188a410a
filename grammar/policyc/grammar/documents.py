"""YAML and JSON documents into the tree that `.policy` files become, with every place kept.

Two kinds are read: a policy (a mapping of phases) and an ngrok agent config file of version 3 (form
"agent"). Documents that are known to be something else (Kubernetes manifests, bodies of the API) are refused
with a word on what to do.
"""

from __future__ import annotations

from typing import Literal as OneOf

from policyc.grammar.codes import declare
from policyc.grammar.diagnostic import Report, Severity
from policyc.grammar.nearest import nearest
from policyc.grammar.parser import EMPTY_DOCUMENT
from policyc.grammar.shape import (
    ENABLED_KEY,
    LEGACY_PHASE_KEYS,
    PHASE_KEYS,
    UNKNOWN_TOP_KEY,
    WRAPPED_POLICY,
    WRONG_SHAPE,
    Reader,
    describe,
    is_null,
    short,
)
from policyc.grammar.source import Source, Span
from policyc.grammar.syntax import (
    Document,
    ListValue,
    MapEntry,
    MapValue,
    Phase,
    PlainValue,
    TextValue,
    Value,
)

KUBERNETES_MANIFEST = declare(
    "P0002",
    "kubernetes-manifest",
    "a Kubernetes manifest is no policy",
    explanation="Manifests (NgrokTrafficPolicy, CloudEndpoint, AgentEndpoint, Ingress, …) are not read. The "
    "policy in one stands "
    "below `spec.policy` or `spec.trafficPolicy`: copy its phases into a file of their own.",
    wrong="apiVersion: ngrok.k8s.ngrok.com/v1alpha1\nkind: NgrokTrafficPolicy\nspec:\n  policy:\n    "
    "on_http_request: []",
    right="on_http_request: []",
    ngrok=2236,
)
API_BODY = declare(
    "P0003",
    "api-body",
    "the body of an API request is no policy",
    explanation="The API takes an endpoint with its policy as a text in `traffic_policy` (the old edge "
    "modules: `value`). Put the "
    "policy itself into a file.",
    wrong='{"type": "cloud", "url": "https://a.example.com", "traffic_policy": "{}"}',
    right='{"on_http_request": []}',
    ngrok=2236,
)

_WRAPPERS = ("traffic_policy", "policy", "trafficPolicy", "traffic-policy", "inline")


def read_yaml(source: Source, report: Report) -> Document:
    """Return the items of a YAML document; what is wrong with it has been reported."""
    from policyc.grammar.yaml_values import YAML_SEVERAL, read_values

    found = Report(report.limits)
    read = read_values(source, found)
    if isinstance(read.value, MapValue) and _is_manifest(read.value):
        # Manifests come several to a file; that they are manifests is all there is to say.
        found_here = [d for d in found if d.code is not YAML_SEVERAL]
        report.extend(found_here)
        _refuse_manifest(read.value, report)
        return Document(source, "yaml", ())
    report.extend(found)
    if not read.is_whole and read.value is None:
        return Document(source, "yaml", ())
    if any(d.code is YAML_SEVERAL for d in found):
        return Document(source, "yaml", ())
    return _document(source, "yaml", read.value, report)


def read_json(source: Source, report: Report) -> Document:
    """Return the items of a JSON document; what is wrong with it has been reported."""
    from policyc.grammar.json_values import read_values

    read = read_values(source, report)
    if not read.is_whole:
        return Document(source, "json", ())
    return _document(source, "json", read.value, report)


def _document(source: Source, form: OneOf["yaml", "json"], root: Value | None, report: Report) -> Document:
    if root is None or is_null(root) or (isinstance(root, MapValue) and not root.entries):
        hint = "write a phase, for example `on_http_request:`"
        report.add(
            EMPTY_DOCUMENT, "the document is empty: a policy without rules", source.span(0, 0), hint=hint
        )
        return Document(source, form, ())
    if not isinstance(root, MapValue):
        _refuse_root(root, report)
        return Document(source, form, ())
    if _is_manifest(root):
        _refuse_manifest(root, report)
        return Document(source, form, ())
    keys = {e.key.value for e in root.entries}
    if not keys & set(PHASE_KEYS) and (
        {"type", "url"} <= keys or ({"url", "traffic_policy"} <= keys) or {"enabled", "value"} == keys
    ):
        hint = "put the policy itself into a file: its phases stand at the top level"
        report.add(
            API_BODY, "this is the body of an API request, not a policy", root.entries[0].key.span, hint=hint
        )
        return Document(source, form, ())
    from policyc.grammar.agent_config import is_agent_config, read_endpoints

    if is_agent_config(root):
        return Document(source, "agent", read_endpoints(root, report))
    return Document(source, form, read_phases(root, Reader(report)))


def _refuse_root(root: Value, report: Report) -> None:
    hint = None
    if isinstance(root, ListValue):
        hint = "remove the `-` before the phases"
        first = root.items[0] if root.items else None
        if isinstance(first, MapValue) and any(
            e.key.value in ("actions", "expressions") for e in first.entries
        ):
            hint = "put the rules below a phase, for example `on_http_request:`"
    elif isinstance(root, TextValue):
        hint = "write a phase, for example `on_http_request:`, and its rules below"
    end = min(root.span.end, root.span.start + 1)
    report.add(
        WRONG_SHAPE,
        f"a policy is a mapping of phases, not {describe(root)}",
        Span(root.span.source, root.span.start, end),
        hint=hint,
        ngrok=2236,
    )


def _is_manifest(root: MapValue) -> bool:
    keys = {e.key.value for e in root.entries}
    return "apiVersion" in keys and "kind" in keys


def _refuse_manifest(root: MapValue, report: Report) -> None:
    kind = next(e.value for e in root.entries if e.key.value == "kind")
    name = f" (`{short(kind.text.value)}`)" if isinstance(kind, TextValue) else ""
    hint = "copy the phases below `policy` into a file of their own"
    report.add(
        KUBERNETES_MANIFEST,
        f"this is a Kubernetes manifest{name}, not a policy",
        root.entries[0].key.span,
        hint=hint,
    )


def read_phases(root: MapValue, reader: Reader) -> tuple[Phase, ...]:
    """Return the phases of a mapping; every other key has been reported."""
    phases: list[Phase] = []
    seen: set[str] = set()
    for entry in root.entries:
        key = entry.key.value
        if key in PHASE_KEYS or key in LEGACY_PHASE_KEYS:
            if key not in seen:
                phases.append(reader.phase(entry))
            seen.add(key)
        elif key == "enabled":
            _enabled(entry, reader)
        else:
            _unknown_key(entry, reader)
    return tuple(phases)


def _enabled(entry: MapEntry, reader: Reader) -> None:
    path = f"{reader.prefix}enabled"
    value = entry.value
    if isinstance(value, PlainValue) and value.value is True:
        message = "`enabled` has no meaning any more and is read over"
        reader.say(ENABLED_KEY, message, entry.span, path, "remove the line", Severity.WARNING)
    else:
        message = "a policy cannot be switched off by `enabled`"
        reader.say(ENABLED_KEY, message, entry.span, path, "remove the line, or do not load the policy")


def _unknown_key(entry: MapEntry, reader: Reader) -> None:
    key = entry.key.value
    path = reader.prefix + key
    if key in _WRAPPERS:
        hint = f"remove `{key}:` and move the phases to the top level"
        reader.say(
            WRAPPED_POLICY, f"`{key}` wraps the policy; the phases belong here", entry.key.span, path, hint
        )
        if isinstance(entry.value, MapValue):
            read_phases(entry.value, reader._replace(prefix=f"{path}."))
        return
    near = nearest(key, (*PHASE_KEYS, *LEGACY_PHASE_KEYS))
    if near:
        hint = f"did you mean `{near}`?"
    elif key in ("expressions", "actions", "name"):
        hint = "rules stand in the list of a phase, for example below `on_http_request:`"
    else:
        hint = "the phases are " + ", ".join(f"`{k}`" for k in PHASE_KEYS)
    reader.say(
        UNKNOWN_TOP_KEY, f"`{short(key)}` is no phase", entry.key.span, path, hint, alias=entry.key.alias
    )
