from __future__ import annotations

import pytest

from policyc.engine.options import Options
from policyc.engine.stages import CHECKS, STAGES, Work, describe, run_stages
from policyc.grammar.diagnostic import Report
from policyc.grammar.files import read_document
from policyc.grammar.source import Source

SHOP = """
let is_api = req.url.path.startsWith("/api/")
rules hardening { when req.method == "TRACE" { deny 405 } }
endpoint "https://shop.example.com" {
  on_http_request { use hardening when is_api { forward-internal "https://api.internal" } deny 404 }
}
endpoint "https://api.internal" -> "http://127.0.0.1:9000"
"""
BROKEN = """
let a = b
let b = a
endpoint "ftp://x" { on_http_request { bogus } use nothing }
endpoint "tcp://db.internal" -> "tcp://127.0.0.1:5432" {
  on_http_request { deny 1 when a { add-headers {} } }
}
on_http_request { use missing when nope { deny } deny deny }
"""


def work_on(text: str) -> Work:
    report = Report()
    return Work([read_document(Source("a.policy", text), report)], Options(), report)


@pytest.mark.parametrize("count", range(len(STAGES) + 1))
@pytest.mark.parametrize("text", [SHOP, BROKEN, ""], ids=["shop", "broken", "empty"])
def test_every_prefix_of_the_list_runs(text: str, count: int) -> None:
    work = work_on(text)
    run_stages(work, STAGES[:count])
    assert (work.program is not None) == (count == len(STAGES) and text is not BROKEN)


def test_every_stage_stands_behind_those_that_it_needs() -> None:
    before: set[str] = set()
    for stage in STAGES:
        assert set(stage.needs) <= before, stage.name
        before.add(stage.name)
    assert len(before) == len(STAGES)


def test_all_stages_run_as_far_as_they_can() -> None:
    work = work_on(BROKEN)
    run_stages(work, CHECKS)
    names = {each.code.name for each in work.report}
    assert names >= {
        "let-cycle",
        "bad-endpoint-url",
        "unknown-action",
        "unknown-rules",
        "unknown-variable",
        "unreachable",
    }


def test_a_clock_times_each_stage() -> None:
    ticks = iter(range(1000))
    work = work_on(SHOP)
    run_stages(work, CHECKS, lambda: float(next(ticks)))
    assert work.timings == [(stage.name, 1.0) for stage in CHECKS]


def test_the_list_can_be_printed() -> None:
    assert [line.split()[0] for line in describe().splitlines()] == [stage.name for stage in STAGES]
