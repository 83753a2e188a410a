"""Record metadata in the access log of the exchange."""

from __future__ import annotations

from typing import Any

from policyc.engine.action import Action, Ends, Site, Step
from policyc.engine.phases import Phase
from policyc.engine.schema import Config, FieldFault, Json, MapOf, Schema, Text, field
from policyc.engine.traffic import Exchange
from policyc.engine.types import DYN, STRING, Field, Record, map_of


def _empty(x: Exchange, fault: FieldFault) -> str:
    # A template that fails becomes an empty string, and the error is logged (spec/actions.md §2, Templates):
    # in the entry of the run, where the step puts it.
    x.logs.append({"error": fault.message, "reason": fault.reason})
    return ""


SCHEMA = Schema(
    field(
        "metadata",
        MapOf(Text(), Json(_empty)),
        "what to record: any JSON value under each name",
        required=True,
    ),
)
RESULT = Record("log", (), {"metadata": Field(map_of(STRING, DYN), "what was recorded, templates resolved")})


def compile_log(config: Config, site: Site) -> Step:
    """Return the step: one `{metadata: …}` entry per run, in the order of the runs."""
    metadata = config["metadata"]
    if metadata.is_constant:
        value = metadata.value
        plain = _plain(value)

        def known(x: Exchange) -> None:
            x.logs.append({"metadata": plain})
            x.results["log"] = {"metadata": value}

        return known

    read = metadata.reader()

    def step(x: Exchange) -> None:
        before = len(x.logs)
        try:
            value = read(x)
        except FieldFault as fault:  # the metadata as a whole was one expression
            _empty(x, fault)
            value = {}
        entry: dict[str, object] = {"metadata": _plain(value)}
        failed = x.logs[before:]
        if failed:
            entry["errors"] = failed
            del x.logs[before:]
        x.logs.append(entry)
        x.results["log"] = {"metadata": value}

    return step


def _plain(value: Any) -> Any:
    """Return a CEL value as JSON has it: other scalars as the text that interpolation makes of them."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, float) and value - value == 0:  # JSON has no NaN and no infinity: those become text
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    from policyc.engine.cel.coerce import to_text
    from policyc.engine.values import EvalError

    try:
        return to_text(value)
    except EvalError:
        return ""


ACTION = Action(
    name="log",
    doc="Add an entry to the access log record of the exchange. Several runs give several entries.",
    schema=SCHEMA,
    phases=frozenset(Phase),
    ends=Ends.NEVER,
    result=RESULT,
    result_name="log",
    compile=compile_log,
    example="on_http_response { when res.status_code >= 500 { log { metadata: { path: req.url.path, "
    'level: "error" } } } }',
    source="spec/actions.md#log",
)
