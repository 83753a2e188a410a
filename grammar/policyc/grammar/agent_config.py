"""ngrok agent config files, version 3: their endpoints with their policies (spec/endpoints.md §8.3)."""

from __future__ import annotations

from policyc.grammar.codes import declare
from policyc.grammar.diagnostic import Report, Severity
from policyc.grammar.nearest import nearest
from policyc.grammar.shape import (
    PHASE_KEYS,
    WRONG_SHAPE,
    Reader,
    describe,
    first_entries,
    head,
    is_null,
    short,
    written,
)
from policyc.grammar.source import Span, Text
from policyc.grammar.syntax import (
    Endpoint,
    ListValue,
    MapEntry,
    MapValue,
    Phase,
    PlainValue,
    TextValue,
    Value,
)

AGENT_VERSION = declare(
    "P0580",
    "agent-version",
    "the agent config is not of version 3",
    explanation="Agent config files say `version: 3`. Version 2 has `tunnels` in place of `endpoints` and "
    "is not read: "
    "`ngrok config upgrade` converts it.",
    wrong="version: 2\nendpoints: []",
    right="version: 3\nendpoints: []",
)
AGENT_TUNNELS = declare(
    "P0581",
    "agent-tunnels",
    "`tunnels` are gone",
    explanation="Tunnels were replaced by endpoints. Write each as an item of `endpoints`: `addr` becomes "
    "`upstream.url`, `domain` and "
    "`proto` become `url`.",
    wrong="version: 3\ntunnels:\n  web: { proto: http, addr: 8080 }",
    right="version: 3\nendpoints:\n  - name: web\n    url: http://web.example.com\n    upstream: { url: "
    "8080 }",
)
AGENT_KEY = declare(
    "P0582",
    "agent-key",
    "an agent config has no such key",
    explanation="At the top level of an agent config stand `version`, `agent` and `endpoints`.",
    wrong="version: 3\nendpoint: []",
    right="version: 3\nendpoints: []",
)
AGENT_UPSTREAM = declare(
    "P0583",
    "agent-upstream",
    "an endpoint of an agent config has no upstream",
    explanation="The endpoints of an agent forward to an upstream: `upstream: { url: … }`.",
    wrong="version: 3\nendpoints:\n  - name: web\n    url: https://web.example.com",
    right="version: 3\nendpoints:\n  - name: web\n    url: https://web.example.com\n    upstream: { url: "
    "http://127.0.0.1:9000 }",
    ngrok=18015,
)
POLICY_TWICE = declare(
    "P0584",
    "policy-twice",
    "`policy` and `traffic_policy` are both given",
    explanation="`policy` is the old name of `traffic_policy`; give one of them.",
    wrong="version: 3\nendpoints:\n  - name: web\n    url: https://web.example.com\n    policy: {}\n    "
    "traffic_policy: {}\n    upstream: { url: 80 }",
    right="version: 3\nendpoints:\n  - name: web\n    url: https://web.example.com\n    traffic_policy: "
    "{}\n    upstream: { url: 80 }",
    ngrok=9025,
)
POLICY_RENAMED = declare(
    "P0585",
    "policy-renamed",
    "`policy` is called `traffic_policy` today",
    explanation="The agent renamed the key in 3.14.0. The old name is read, with a warning.",
    wrong="version: 3\nendpoints:\n  - name: web\n    url: https://web.example.com\n    policy: {}\n    "
    "upstream: { url: 80 }",
    right="version: 3\nendpoints:\n  - name: web\n    url: https://web.example.com\n    traffic_policy: "
    "{}\n    upstream: { url: 80 }",
    severity="warning",
)

AGENT_OPTION = declare(
    "P0586",
    "agent-option",
    "an option of the agent is not known",
    explanation="What stands below `agent` configures ngrok's tunnel client and means nothing to a gateway: "
    "it is read over. A name that the agent does not know either is mentioned, as it may be meant for "
    "another place.",
    wrong="version: 3\nagent: { pooling_enabled: true }\nendpoints: []",
    right="version: 3\nagent: { log_level: info }\nendpoints: []",
    severity="hint",
)

_AGENT_OPTIONS = frozenset(
    [
        "api_key",
        "authtoken",
        "connect_cas",
        "connect_timeout",
        "connect_url",
        "console_ui",
        "console_ui_color",
        "crl_noverify",
        "dns_resolver_ips",
        "heartbeat_interval",
        "heartbeat_tolerance",
        "inspect_db_size",
        "log",
        "log_format",
        "log_level",
        "metadata",
        "proxy_url",
        "remote_management",
        "update_channel",
        "update_check",
        "update_url",
        "web_addr",
        "web_allow_hosts",
    ]
)
_TOP_KEYS = ("version", "agent", "endpoints", "tunnels")


def is_agent_config(root: MapValue) -> bool:
    """Whether a document is an agent config rather than a policy."""
    keys = {e.key.value for e in root.entries}
    if keys & set(PHASE_KEYS):
        return False
    return "version" in keys or "endpoints" in keys or "tunnels" in keys


def read_endpoints(root: MapValue, report: Report) -> tuple[Endpoint, ...]:
    """Return the endpoints of an agent config."""
    reader = Reader(report)
    keys = first_entries(root)
    _version(root, keys, reader)
    for name, entry in keys.items():
        if name not in _TOP_KEYS:
            near = nearest(name, [k for k in _TOP_KEYS if k not in keys])
            hint = f"did you mean `{near}`?" if near else "options of the agent stand below `agent`"
            reader.say(AGENT_KEY, f"an agent config has no key `{short(name)}`", entry.key.span, name, hint)
    if "agent" in keys:
        _options(keys["agent"].value, reader)
    if "tunnels" in keys and not is_null(keys["tunnels"].value):
        hint = "write each tunnel as an item of `endpoints`, with `url` and `upstream.url`"
        reader.say(
            AGENT_TUNNELS, "`tunnels` are not supported any more", keys["tunnels"].key.span, "tunnels", hint
        )
    if "endpoints" not in keys or is_null(keys["endpoints"].value):
        return ()
    value = keys["endpoints"].value
    if not isinstance(value, ListValue):
        reader.shape("a list of endpoints", value, "endpoints", "begin each endpoint with `- `")
        return ()
    found = (_endpoint(item, f"endpoints[{i}]", report) for i, item in enumerate(value.items))
    return tuple(endpoint for endpoint in found if endpoint is not None)


def _options(value: Value, reader: Reader) -> None:
    if is_null(value):
        return
    if not isinstance(value, MapValue):
        reader.shape("a mapping of options", value, "agent")
        return
    for name, entry in first_entries(value).items():
        if name not in _AGENT_OPTIONS:
            message = f"the agent has no option `{short(name)}`; it is ignored"
            reader.say(AGENT_OPTION, message, entry.key.span, f"agent.{name}")


def _version(root: MapValue, keys: dict[str, MapEntry], reader: Reader) -> None:
    if "version" not in keys:
        reader.say(
            AGENT_VERSION, "`version: 3` is missing", head(root), "version", "add `version: 3` at the top"
        )
        return
    value = keys["version"].value
    known = isinstance(value, PlainValue) and value.kind == "int" and value.value == 3
    if not known and not (isinstance(value, TextValue) and value.text.value == "3"):
        raw = value.raw if isinstance(value, PlainValue) else describe(value)
        if isinstance(value, TextValue):
            raw = value.text.value
        hint = "convert the file with `ngrok config upgrade`, then say `version: 3`"
        reader.say(
            AGENT_VERSION, f"version `{short(raw)}` of agent configs is not read", value.span, "version", hint
        )


def _endpoint(value: Value, path: str, report: Report) -> Endpoint | None:
    reader = Reader(report)
    if not isinstance(value, MapValue):
        reader.shape("an endpoint", value, path, "an endpoint is a mapping with `url` and `upstream`")
        return None
    keys = first_entries(value)
    url = upstream = None
    settings: list[MapEntry] = []
    phases: tuple[Phase, ...] = ()
    if "policy" in keys:
        old = keys["policy"].key.span
        if "traffic_policy" in keys:
            reader.say(
                POLICY_TWICE,
                "`policy` and `traffic_policy` are both given",
                old,
                f"{path}.policy",
                "remove `policy`",
            )
        else:
            reader.say(POLICY_RENAMED, "`policy` is called `traffic_policy` today", old, f"{path}.policy")
    for name, entry in keys.items():
        if name == "url":
            if not is_null(entry.value):
                url = reader.text(entry.value, f"{path}.url")
        elif name == "upstream":
            upstream = _upstream(entry, f"{path}.upstream", reader, settings)
        elif name in ("traffic_policy", "policy"):
            if name == "traffic_policy" or "traffic_policy" not in keys:
                phases = _policy(entry.value, f"{path}.{name}", report)
        else:
            settings.append(entry)
    if "upstream" not in keys:
        hint = "add `upstream: { url: … }`"
        reader.say(AGENT_UPSTREAM, "the endpoint has no `upstream`", head(value), f"{path}.upstream", hint)
    return Endpoint(url, upstream, tuple(settings), phases, value.span, path)


def _upstream(entry: MapEntry, path: str, reader: Reader, settings: list[MapEntry]) -> Text | None:
    """Return the upstream's URL; what else is said of it becomes a setting `upstream.…`."""
    value = entry.value
    if not isinstance(value, MapValue):
        hint = "write `upstream: { url: … }`"
        reader.shape("a mapping with `url`", value, path, hint)
        return None
    url: Text | None = None
    for name, part in first_entries(value).items():
        if name == "url":
            # A bare port is a number in YAML and means what it says.
            plain = isinstance(part.value, PlainValue) and part.value.kind == "int"
            url = (
                written(part.value)
                if plain and isinstance(part.value, PlainValue)
                else reader.text(part.value, f"{path}.url")
            )
        else:
            key = part.key._replace(value=f"upstream.{name}", origins=(part.key.first,) * (len(name) + 10))
            settings.append(MapEntry(key, part.value, part.span))
    if "url" not in first_entries(value):
        reader.say(AGENT_UPSTREAM, "the upstream has no `url`", entry.key.span, f"{path}.url", "add `url: …`")
    return url


def _policy(value: Value, path: str, report: Report) -> tuple[Phase, ...]:
    from policyc.grammar.documents import read_phases

    reader = Reader(report, f"{path}.")
    if is_null(value):
        return ()
    if isinstance(value, TextValue):
        span = Span(value.span.source, value.span.start, min(value.span.end, value.span.start + 1))
        reader.say(
            WRONG_SHAPE,
            "a mapping of phases belongs here, not a text",
            span,
            path,
            "write the phases as YAML below `traffic_policy:`, or name a file with `traffic_policy_file`",
            Severity.ERROR,
        )
        return ()
    if not isinstance(value, MapValue):
        reader.shape("a mapping of phases", value, path)
        return ()
    return read_phases(value, reader)
