"""Write docs/reference from the declarations that the code itself reads, and the examples of the README.

In the README, a comment says what the block after it shows: `<!-- file PATH -->`, `<!-- check PATH -->` (what
`policyc check` says of it); between `<!-- actions -->` and `<!-- end -->` stand the actions that run.

python docs/generate.py           write what differs
python docs/generate.py --check   write nothing; fail where a page is not current
"""

from __future__ import annotations

import contextlib
import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from policyc.engine.action import Action, Ends
from policyc.engine.actions import actions
from policyc.engine.function import Dialect, Function, Overload
from policyc.engine.functions import functions
from policyc.engine.phases import Binding, Phase, Protocol, phases_of
from policyc.engine.variables import VARIABLES
from policyc.grammar.codes import Code
from policyc.grammar.limits import DEFAULTS, LIMITS
from policyc.runtime.cli import main as policyc
from policyc.runtime.cli.action_page import ends_text, result_fields
from policyc.runtime.cli.catalog import every_code
from policyc.runtime.cli.limit_flags import limit_flag_of
from policyc.runtime.cli.setting_flags import flag_of, shown_default
from policyc.runtime.metrics import FAMILIES as METRICS
from policyc.runtime.reasons import QUIET_LIMITS, REASONS
from policyc.runtime.settings import SETTINGS

HERE = Path(__file__).parent / "reference"
ROOT = Path(__file__).parents[1]

NOTE = "<!-- Written by docs/generate.py from the declarations in the code; `make docs` writes it anew. -->"

FAMILIES = {
    "P00": "files and encodings",
    "P01": "syntax",
    "P02": "names and types of expressions",
    "P03": "rules, actions and their fields",
    "P04": "phases",
    "P05": "endpoints",
    "P06": "flow",
    "P07": "hazards",
    "P08": "limits",
    "P09": "what this installation cannot run",
}

ABOUT_ACTIONS = """\
Every action of a rule: what it does, where it may stand, its fields and what it leaves for later
rules to read. *Template* means that `${…}` in the value is evaluated when the action runs,
*expression* that the value is an expression itself. Actions that are marked *checked only* are
known to `policyc check` in full; `policyc run` refuses them until they are built."""

ABOUT_VARIABLES = """\
What expressions may read. A path that is absent reads as its zero value (`""`, `0`, `false`, an
empty list or map); an absent timestamp is an error; `has(path)` tells. *Data* names what this
installation must provide; `policyc run` says at its start what it cannot fill. Beside these there
are `vars.NAME`, set by [`set-vars`](actions.md#set-vars) earlier in the same phase, and
`actions.ngrok.NAME`, left by actions that ran earlier."""

ABOUT_FUNCTIONS = """\
What expressions of policies may call. Where ngrok's reading differs from CEL's extension libraries,
policies get ngrok's. Macros (`all`, `exists`, `exists_one`, `map`, `filter`, `has`, …) are those of
CEL."""

ABOUT_PHASES = """\
Which phases an endpoint has. An internal http or https endpoint has no `on_tcp_connect`: forwarding
to it makes no TCP connection. Endpoints of the kubernetes binding can be checked, not served."""

ABOUT_SETTINGS = """\
Each is a flag of `policyc run` and a field of `policyc.runtime.settings.Settings`. Durations are
written `10s`, `250ms`, `1m30s`, sizes `65536`, `64KB`, `1MiB`."""

ABOUT_REASONS = """\
Why traffic was refused, ended, or answered in the upstream's place: the names that stand under `reason`
in the access log and in the metric `policyc_refusals_total` (which leaves the answers of policies out).
A limit counts in `policyc_limit_hits_total` too, under the name of its setting."""

ABOUT_METRICS = """\
What `/metrics` of the admin listener shows. Labels come from the configuration and from tables of the
code, never from a client; each metric has at most 10,000 label sets, what is beyond counts as `other`."""

ABOUT_CODES = """\
What `policyc check` and `policyc run` report. A code never changes its meaning and is never used
again."""


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Yield a Markdown table."""
    yield "| " + " | ".join(head) + " |"
    yield "| " + " | ".join("---" for _ in head) + " |"
    for row in rows:
        yield "| " + " | ".join(cell(text) for text in row) + " |"


def cell(text: str) -> str:
    """Return text that cannot break out of its cell."""
    return " ".join(text.split()).replace("|", "\\|") or "-"


def code(text: str) -> str:
    """Return text as Markdown code, nothing for nothing."""
    return f"`{text}`" if text else ""


def phase_list(phases: frozenset[Phase] | None) -> str:
    """Return phases in the order they run."""
    if phases is None or phases == frozenset(Phase):
        return "all"
    return ", ".join(f"`{phase}`" for phase in Phase if phase in phases)


def actions_page() -> Iterator[str]:
    """Yield the page of actions."""
    known = actions()
    yield "# Actions"
    yield ""
    yield ABOUT_ACTIONS
    yield ""
    rows = [
        (
            f"[`{name}`](#{name})",
            "yes" if action.compile else "checked only",
            phase_list(action.phases),
            ends_word(action),
        )
        for name, action in known.items()
    ]
    yield from table(("action", "runs", "phases", "ends its phase"), rows)
    for name, action in known.items():
        yield ""
        yield f"## {name}"
        yield from action_section(action)


def ends_word(action: Action) -> str:
    """Return always, may, never, or that it depends."""
    return action.ends.value if isinstance(action.ends, Ends) else "by its config"


def action_section(action: Action) -> Iterator[str]:
    """Yield what there is to say about one action."""
    yield ""
    yield textwrap.dedent(action.doc).strip()
    yield ""
    facts = [f"Phases: {phase_list(action.phases)}. It {ends_text(action)}."]
    if action.protocols != frozenset(Protocol):
        facts.append(f"Endpoints: {', '.join(f'`{p}`' for p in Protocol if p in action.protocols)}.")
    if action.aliases:
        facts.append(f"Also called {', '.join(map(code, action.aliases))}.")
    if action.compile is None:
        facts.append("Checked only: `policyc run` refuses it.")
    yield " ".join(facts)
    rows = action.schema.rows()
    if rows:
        yield ""
        yield from table(
            ("field", "type", "required", "default", "limits", "CEL", "meaning"),
            [
                (
                    code(row.field),
                    row.type,
                    "yes" if row.required else "no",
                    code(row.default),
                    row.limits,
                    row.cel,
                    row.doc,
                )
                for row in rows
            ],
        )
    primary = action.schema.primary
    if primary is not None:
        yield ""
        yield f"In `.policy`, `{primary.name}` may follow the name: `{action.name} VALUE`."
    if action.result is not None:
        yield ""
        yield from table(
            ("result", "type", "meaning"),
            [
                (code(f"actions.ngrok.{action.result_name}.{name}"), code(str(field.type)), field.doc)
                for name, field in result_fields(action.result)
            ],
        )
    yield ""
    yield "```"
    yield textwrap.dedent(action.example).strip("\n")
    yield "```"


def variables_page() -> Iterator[str]:
    """Yield the page of variables."""
    yield "# Variables"
    yield ""
    yield ABOUT_VARIABLES
    for root in sorted({path.partition(".")[0] for path in VARIABLES}):
        yield ""
        yield f"## {root}"
        yield ""
        rows = [
            (code(path), code(str(v.type)), phase_list(v.phases), v.source or "", v.doc)
            for path, v in VARIABLES.items()
            if path.partition(".")[0] == root
        ]
        yield from table(("variable", "type", "phases", "data", "meaning"), rows)


def functions_page() -> Iterator[str]:
    """Yield the page of functions, as policies have them."""
    known = functions(Dialect.TRAFFIC)
    yield "# Functions"
    yield ""
    yield ABOUT_FUNCTIONS
    for name, function in sorted(known.items(), key=lambda item: item[0].lower()):
        if is_operator(name):
            continue
        yield ""
        yield f"## {name}"
        yield from function_section(function)
    yield ""
    yield "## Operators"
    yield ""
    rows = [
        (
            code(name.replace("_", " ").strip()),
            ", ".join(code(signature(name, o)) for o in function.overloads),
        )
        for name, function in sorted(known.items())
        if is_operator(name)
    ]
    yield from table(("operator", "for"), rows)


def is_operator(name: str) -> bool:
    """Whether a function is written as an operator."""
    return not name.replace(".", "").replace("_", "a").isalnum() or name == "_in_"


def signature(name: str, overload: Overload) -> str:
    """Return an overload as one would write it."""
    params = [str(each) for each in overload.params]
    result = overload.result
    if is_operator(name):
        return f"({', '.join(params)}) → {result}"
    if overload.method:
        return f"{params[0]}.{name}({', '.join(params[1:])}) → {result}"
    return f"{name}({', '.join(params)}) → {result}"


def function_section(function: Function) -> Iterator[str]:
    """Yield what there is to say about one function."""
    yield ""
    yield textwrap.dedent(function.doc).strip()
    if function.phases is not None:
        yield ""
        yield f"Phases: {phase_list(function.phases)}."
    if function.replaced_by:
        yield ""
        yield f"An older name; write `{function.replaced_by}`."
    yield ""
    for overload in function.overloads:
        yield f"- `{signature(function.name, overload)}`"
    if function.examples:
        yield ""
        yield from table(
            ("expression", "value"), [(code(source), code(value)) for source, value in function.examples]
        )


def codes_page() -> Iterator[str]:
    """Yield the page of codes."""
    yield "# Codes"
    yield ""
    yield ABOUT_CODES
    known = every_code()
    for family, title in FAMILIES.items():
        found = [each for each in known.values() if each.id.startswith(family)]
        if not found:
            continue
        yield ""
        yield f"## {family}: {title}"
        for each in found:
            yield ""
            yield f"### {each.id} {each.name}"
            yield from code_section(each)


def code_section(each: Code) -> Iterator[str]:
    """Yield what there is to say about one code."""
    number = "" if each.ngrok is None else f"; ERR_NGROK_{each.ngrok}"
    yield ""
    yield f"*{each.severity}{number}*: {each.title}."
    yield ""
    yield textwrap.dedent(each.explanation).strip()
    for title, example in (("Wrong", each.wrong), ("Right", each.right)):
        if example:
            yield ""
            yield f"{title}:"
            yield ""
            yield "```"
            yield textwrap.dedent(example).strip("\n")
            yield "```"


def phases_page() -> Iterator[str]:
    """Yield the matrix of phases and actions."""
    yield "# Phases"
    yield ""
    yield ABOUT_PHASES
    yield ""
    ends = [(protocol, binding) for protocol in Protocol for binding in Binding]
    yield from table(
        ("endpoint", *(f"`{phase}`" for phase in Phase)),
        [
            (
                f"{protocol}, {binding}",
                *("yes" if phase in phases_of(protocol, binding) else "" for phase in Phase),
            )
            for protocol, binding in ends
        ],
    )
    yield ""
    yield "Which phases an action may stand in."
    yield ""
    yield from table(
        ("action", *(f"`{phase}`" for phase in Phase)),
        [
            (f"[`{name}`](actions.md#{name})", *("yes" if phase in action.phases else "" for phase in Phase))
            for name, action in actions().items()
        ],
    )


ABOUT_LIMITS = """\
Flags of `policyc check` and `policyc run` alike, `Options.limits` for programs. What a policy exceeds is an
error with the code given; a reload that is refused for it counts in `policyc_policy_limit_hits_total`."""


def settings_page() -> Iterator[str]:
    """Yield the page of limits, time-outs and switches."""
    yield "# Limits, time-outs and switches"
    yield ""
    yield ABOUT_SETTINGS
    yield ""
    yield from table(
        ("flag", "field", "default", "what it is for"),
        [
            (code(flag_of(setting)), code(setting.name), shown_default(setting), setting.doc)
            for setting in SETTINGS
        ],
    )
    yield ""
    yield "## Limits of policies"
    yield ""
    yield ABOUT_LIMITS
    yield ""
    yield from table(
        ("flag", "default", "at most", "what it bounds", "codes"),
        [
            (code(limit_flag_of(each)), f"{default:,}", f"{each.most:,}", each.doc, ", ".join(each.codes))
            for each, default in zip(LIMITS, DEFAULTS, strict=True)
        ],
    )


def reasons_page() -> Iterator[str]:
    """Every reason, by name."""
    yield "# Reasons"
    yield ""
    yield ABOUT_REASONS
    yield ""
    rows = [
        (code(each.name), each.by, each.meaning, code(each.setting) if each.setting else "")
        for each in sorted(REASONS.values())
    ]
    yield from table(("reason", "from", "meaning", "setting"), rows)
    yield ""
    yield "## Limits that refuse nothing"
    yield ""
    yield "They count in `policyc_limit_hits_total` as well."
    yield ""
    yield from table(("setting", "what happens"), [(code(n), text) for n, text in QUIET_LIMITS.items()])


def metrics_page() -> Iterator[str]:
    """Every metric."""
    yield "# Metrics"
    yield ""
    yield ABOUT_METRICS
    yield ""
    rows = [
        (code(name), family.kind, ", ".join(map(code, family.labels)), family.help)
        for name, family in METRICS.items()
    ]
    yield from table(("metric", "kind", "labels", "meaning"), rows)


PAGES: dict[str, Callable[[], Iterator[str]]] = {
    "actions.md": actions_page,
    "variables.md": variables_page,
    "functions.md": functions_page,
    "codes.md": codes_page,
    "phases.md": phases_page,
    "settings.md": settings_page,
    "reasons.md": reasons_page,
    "metrics.md": metrics_page,
}


PERFORMANCE = ROOT / "docs" / "performance.md"
RESULTS = ROOT / "benchmarks" / "results" / "engine.json"


def performance() -> str:
    """Return docs/performance.md with its tables as the recorded results have them."""
    text = PERFORMANCE.read_text(encoding="utf-8")
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    results["gateways"] = json.loads(RESULTS.with_name("gateways.json").read_text(encoding="utf-8"))
    for name, rows in RESULT_TABLES.items():
        begin, end = f"<!-- results {name} -->\n", "<!-- end -->"
        shown = "\n".join(rows(results))
        before, _, rest = text.partition(begin)
        after = rest.partition(end)[2]
        text = f"{before}{begin}{shown}\n{end}{after}"
    return text


def results_machine(results: dict[str, Any]) -> Iterator[str]:
    """Say where and when the results were measured."""
    machine = results["machine"]
    yield (
        f"{results['date']}: {machine['cores']} cores of {machine['cpu']}, {machine['system']}, "
        f"Python {machine['python']}."
    )


def results_expressions(results: dict[str, Any]) -> Iterator[str]:
    """Nanoseconds per evaluation, and each contestant as a multiple of generated code."""
    columns = ("generated", "by_hand", "cel_cpp", "cel_python")
    rows = [
        (name.replace("_", " "), *(f"{row[column]:,}" if column in row else "-" for column in columns))
        for name, row in results["expressions_ns"].items()
    ]
    ratios = results["ratios"]
    rows.append(
        ("geometric mean, in generated", *(f"{ratios[c]:,.2f}" if c in ratios else "-" for c in columns))
    )
    yield from table(("expression", "generated", "by hand", "cel-cpp", "cel-python"), rows)


def results_many_rules(results: dict[str, Any]) -> Iterator[str]:
    """What a request pays for many rules, beside ten of the same kind."""
    yield from table(
        ("rules on distinct …", "rules", "10 rules, ns", "all, ns", "ratio"),
        [
            (name, f"{row['rules']:,}", f"{row['few_ns']:,}", f"{row['many_ns']:,}", f"{row['ratio']:.2f}")
            for name, row in results["many_rules"].items()
        ],
    )


def results_start(results: dict[str, Any]) -> Iterator[str]:
    """CPU time of whole processes."""
    yield from table(
        ("process", "CPU, ms"),
        [
            ("an interpreter that does nothing" if name == "nothing" else f"`policyc check {name}`", f"{ms}")
            for name, ms in results["start_cpu_ms"].items()
        ],
    )


def results_compiling(results: dict[str, Any]) -> Iterator[str]:
    """What 1,000 rules cost before any traffic."""
    found = results["compiling"]
    rows = [
        (f"compile, `.{ending}`, {row['octets_per_rule']} octets a rule", f"{row['cpu_ms']} ms of CPU")
        for ending in ("policy", "yaml")
        for row in [found[f"compile_{ending}"]]
    ]
    load = found["load"]
    rows.append(("load from the cache", f"{load['cpu_ms']} ms of CPU, {load['kilobytes']:,} kB"))
    rows.append(("keep in memory", f"{found['memory']['megabytes']} MB"))
    yield from table(("1,000 rules", "cost"), rows)


_WORKLOADS = {
    "W1": "W1, plain proxy, 1 KiB answers",
    "W2": "W2, ten rules, a header each way",
    "W3": "W3, answers of 1 MiB",
    "W4": "W4, a connection per request",
    "W5": "W5, TCP relay",
    "W6": "W6, TLS, connections kept",
}
_PEERS = ("nginx", "nginx-bigbuf", "haproxy", "envoy", "caddy", "aiohttp")


def results_gateways(results: dict[str, Any]) -> Iterator[str]:
    """CPU per request, and that as a multiple of each peer's."""
    found = results["gateways"]
    yield (
        f"{found['date']}, medians of {found['rounds']} rounds of {found['seconds']} s: microseconds of CPU "
        "per request, and what that is in those of each peer."
    )
    yield ""
    rows = []
    for workload, cpu in found["cpu_us"].items():
        for name in ("policyc", "policyc+hop"):
            if name in cpu:
                title = _WORKLOADS[workload] + (" and one `forward-internal`" if name != "policyc" else "")
                ratios = (f"{cpu[name] / cpu[peer]:.2f}" if peer in cpu else "-" for peer in _PEERS)
                rows.append((title, f"{cpu[name]:g}", *ratios))
    yield from table(
        ("workload", "policyc", "nginx", "nginx, 128k buffers", "HAProxy", "Envoy", "Caddy", "aiohttp"), rows
    )


RESULT_TABLES: dict[str, Callable[[dict[str, Any]], Iterator[str]]] = {
    "machine": results_machine,
    "expressions": results_expressions,
    "many-rules": results_many_rules,
    "start": results_start,
    "compiling": results_compiling,
    "gateways": results_gateways,
}


def readme() -> str:
    """Return the README with its blocks as they should be now."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")

    def block(match: re.Match[str]) -> str:
        what, path, fence = match.groups()
        shown = checked(path) if what == "check" else (ROOT / path).read_text(encoding="utf-8")
        return f"<!-- {what} {path} -->\n{fence}\n{shown}```\n"

    text = re.sub(r"<!-- (file|check) (\S+) -->\n(```\w*)\n.*?```\n", block, text, flags=re.DOTALL)
    runs = ", ".join(f"`{name}`" for name, action in actions().items() if action.compile)
    return re.sub(
        r"<!-- actions -->.*?<!-- end -->", f"<!-- actions -->{runs}<!-- end -->", text, flags=re.DOTALL
    )


def checked(path: str) -> str:
    """Return what `policyc check` says of a file, named from the top of the project."""
    said = StringIO()
    with contextlib.chdir(ROOT), contextlib.redirect_stdout(said):
        policyc(["check", path])
    return said.getvalue()


def main(argv: list[str]) -> int:
    """Write the pages, or with `--check` say which are not current; return the exit status."""
    wanted = {HERE / name: "\n".join([NOTE, "", *page()]) + "\n" for name, page in PAGES.items()}
    wanted[ROOT / "README.md"] = readme()
    wanted[PERFORMANCE] = performance()
    stale = []
    for path, text in wanted.items():
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(path.name)
        if "--check" not in argv:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if "--check" in argv and stale:
        print(f"not current: {', '.join(stale)}; `make docs` writes them anew", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
