"""Other engines that evaluate CEL, as contestants: prepared once, then called with nothing.

cel-python's transpiler gets the request's data on every evaluation and converts it, as it must for every
request. Google's cel-cpp (`cel-expr-python`) gets an activation that was prepared before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from policyc.engine.request_url import decode_query
from policyc.engine.traffic import Exchange

Run = Callable[[], bool]


def data_of(x: Exchange) -> dict[str, Any]:
    """Return the request as the peers take it: nested maps of what a policy may read."""
    req, conn = x.req, x.conn
    path, _, query = req.target.partition("?")
    params: dict[str, list[str]] = {}
    for name, value in decode_query(query):
        params.setdefault(name, []).append(value)
    return {
        "req": {
            "method": req.method,
            "host": req.host,
            "version": req.version,
            "headers": req.headers.as_map(),
            "url": {
                "scheme": req.scheme,
                "host": req.host,
                "path": path,
                "query": query,
                "query_params": params,
            },
        },
        "conn": {
            "client_ip": conn.client_ip,
            "client_port": conn.client_port,
            "server_ip": conn.server_ip,
            "server_port": conn.server_port,
            "tls": {"version": "1.3", "sni": req.host},
            "geo": {"country_code": "", "city": ""},
        },
    }


def cel_python(source: str, x: Exchange) -> Run:
    """Return an evaluation by cel-python's transpiler, conversion of the data included."""
    celpy = pytest.importorskip("celpy", reason="cel-python is not installed")
    from celpy.celparser import CELParser

    CELParser.CEL_PARSER = None  # one for the process: the kind of trees it makes hangs on who was first
    environment = celpy.Environment(runner_class=celpy.CompiledRunner)
    program = environment.program(environment.compile(source))
    CELParser.CEL_PARSER = None
    data = data_of(x)
    convert = celpy.json_to_cel
    return lambda: bool(program.evaluate(convert(data)))


def cel_cpp(source: str, x: Exchange) -> Run:
    """Return an evaluation by Google's cel-cpp over a prepared activation."""
    cel = pytest.importorskip(
        "cel_expr_python.cel", reason="cel-expr-python is not installed (pip install --group bench)"
    )
    record = cel.Type.Map(cel.Type.STRING, cel.Type.DYN)
    environment = cel.NewEnv(variables={"req": record, "conn": record})
    # Its checker does not loop over a dyn that it is not told to be one.
    written = source.replace("req.headers['user-agent'].", "dyn(req.headers['user-agent']).")
    program = environment.compile(written)
    activation = environment.Activation(data_of(x))
    return lambda: bool(program.eval(activation).value())
