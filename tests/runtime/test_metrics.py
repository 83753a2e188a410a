"""What is counted of each record, and how it reads."""

from __future__ import annotations

import re

import pytest

from policyc.runtime import metrics
from policyc.runtime.metrics import (
    FAMILIES,
    Metrics,
    Samples,
    Traffic,
    add_up,
    bounded,
    counters_of,
    exposition,
)
from policyc.runtime.observe import Record, discard
from policyc.runtime.reasons import QUIET_LIMITS, REASONS
from policyc.runtime.settings import SETTINGS

SHOP = "https://shop.example.com"


def counted(*records: Record) -> Metrics:
    made = Metrics(discard)
    for record in records:
        made.finished(record)
    return made


def request(**more: object) -> Record:
    record: Record = {"method": "GET", "status": 200, "bytes": 10, "duration_ms": 3.0, "endpoints": [SHOP]}
    record.update(more)  # type: ignore[typeddict-item]
    return record


def test_requests_are_counted_by_endpoint_and_class_of_status() -> None:
    samples = counted(request(), request(status=204), request(status=404), request(status=0)).collect()
    assert samples["policyc_requests_total"] == {(SHOP, "2xx"): 2, (SHOP, "4xx"): 1, (SHOP, "none"): 1}
    assert samples["policyc_response_body_bytes_total"] == {(SHOP,): 40}


def test_durations_fall_into_cumulative_buckets() -> None:
    samples = counted(
        request(duration_ms=1.0), request(duration_ms=3.0), request(duration_ms=60_000)
    ).collect()
    buckets = samples["policyc_request_duration_seconds_bucket"]
    assert buckets[SHOP, "0.001"] == 1  # a bound belongs to its bucket
    assert buckets[SHOP, "0.0025"] == 1
    assert buckets[SHOP, "0.005"] == 2
    assert buckets[SHOP, "10"] == 2
    assert buckets[SHOP, "+Inf"] == samples["policyc_request_duration_seconds_count"][SHOP,] == 3
    assert samples["policyc_request_duration_seconds_sum"][SHOP,] == pytest.approx(60.004)


def test_rules_that_acted_are_counted_by_the_endpoint_that_the_traffic_came_to() -> None:
    record = request(endpoints=[SHOP, "https://api.internal"], rules=["ban", "tag", "ban"])
    samples = counted(record).collect()
    assert samples["policyc_rules_acted_total"] == {(SHOP, "ban"): 2, (SHOP, "tag"): 1}


def test_refusals_are_counted_by_reason_and_answers_of_policies_are_none() -> None:
    samples = counted(
        request(reason="deny"), request(reason="redirect"), {"status": 431, "reason": "head_too_long"}
    ).collect()
    assert samples["policyc_refusals_total"] == {("deny",): 1, ("head_too_long",): 1}
    assert samples["policyc_limit_hits_total"]["head_limit_bytes",] == 1
    assert samples["policyc_limit_hits_total"]["fields_limit",] == 0


def test_every_limit_has_its_metric_from_the_start() -> None:
    limits = {labels[0] for labels in counted().collect()["policyc_limit_hits_total"]}
    assert limits == {each.setting for each in REASONS.values() if each.setting} | set(QUIET_LIMITS)
    assert limits <= {setting.name for setting in SETTINGS}


def test_limits_that_refuse_nothing_are_counted_by_hand() -> None:
    made = counted(request(reason="upstream_timeout"))
    made.met("idle_timeout_s")
    made.met("buffer_bytes")
    hits = made.collect()["policyc_limit_hits_total"]
    assert (hits["idle_timeout_s",], hits["buffer_bytes",], hits["upstream_idle_s",]) == (2, 1, 0)


def test_streams_are_no_requests() -> None:
    samples = counted({"protocol": "tcp", "endpoints": ["tcp://db:5432"], "duration_ms": 1.0}).collect()
    assert samples["policyc_streams_total"] == {("tcp://db:5432",): 1}
    assert "policyc_requests_total" not in samples


def test_a_record_of_an_https_connection_counts_its_rules_and_reason_only() -> None:
    samples = counted(
        {"protocol": "https", "endpoints": ["https://a"], "rules": ["guard"], "reason": "deny"}
    ).collect()
    assert "policyc_streams_total" not in samples
    assert samples["policyc_refusals_total"] == {("deny",): 1}


def test_record_goes_on_as_it_came() -> None:
    seen: list[Record] = []
    record = request()
    Metrics(seen.append).finished(record)
    assert seen == [record]
    assert seen[0] is record


def test_label_sets_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "SERIES_LIMIT", 3)
    made = counted(*(request(endpoints=[f"https://{number}.example.com"]) for number in range(10)))
    requests = made.collect()["policyc_requests_total"]
    assert len(requests) == 4
    assert requests["other", "2xx"] == 7
    many = counted(request(rules=[f"rule {number}" for number in range(10)]))
    acted = many.collect()["policyc_rules_acted_total"]
    assert len(acted) == 4
    assert acted["other", "other"] == 7


def test_workers_are_added_up_but_not_what_is_the_same_in_all() -> None:
    one = counted(request()).collect() | {"policyc_build_info": {("1", "3"): 1.0}}
    total = add_up([one, one])
    assert total["policyc_requests_total"] == {(SHOP, "2xx"): 2}
    assert total["policyc_build_info"] == {("1", "3"): 1}


def test_text_is_what_prometheus_reads() -> None:
    made = counted(request(rules=['say "hi"\\\n']))
    made.connections = 3
    text = exposition(made.collect())
    lines = text.splitlines()
    assert "# TYPE policyc_requests_total counter" in lines
    assert f'policyc_requests_total{{endpoint="{SHOP}",status="2xx"}} 1' in lines
    assert "policyc_connections_total 3" in lines
    assert f'policyc_rules_acted_total{{endpoint="{SHOP}",rule="say \\"hi\\"\\\\\\n"}} 1' in lines
    assert f'policyc_request_duration_seconds_sum{{endpoint="{SHOP}"}} 0.003' in lines
    sample = re.compile(r'[a-z_]+(\{([a-z]+="([^"\\\n]|\\["\\n])*",?)+\})? [0-9.e+-]+')
    assert [line for line in lines if not line.startswith("#") and not sample.fullmatch(line)] == []
    assert text.endswith("\n")


def test_names_follow_the_conventions() -> None:
    for name, family in FAMILIES.items():
        assert name.endswith("_total") == (family.kind == "counter"), name
        assert name.startswith(("policyc_", "process_"))


def test_what_a_worker_counted_outlives_it_and_what_was_true_of_it_does_not() -> None:
    samples: Samples = {
        "policyc_requests_total": {("https://a.example.com", "2xx"): 3},
        "policyc_request_duration_seconds_bucket": {("https://a.example.com", "+Inf"): 3},
        "policyc_connections": {(): 2},
        "process_open_fds": {(): 9},
        "process_cpu_seconds_total": {(): 0.5},
    }
    assert list(counters_of(samples)) == [
        "policyc_requests_total",
        "policyc_request_duration_seconds_bucket",
        "process_cpu_seconds_total",
    ]


def test_failures_of_upstreams_have_their_reasons() -> None:
    made = counted(
        request(status=502, reason="upstream_failed", upstream="http://u:1"),
        request(status=504, reason="upstream_timeout", upstream="http://u:1"),
        request(status=403, reason="deny", upstream="http://u:1"),
        request(status=0, reason="client_gone", upstream="http://u:1"),
        request(status=502, reason="upstream_unreachable", upstream=""),
    )
    assert made.collect()["policyc_upstream_failures_total"] == {
        ("http://u:1", "upstream_failed"): 1,
        ("http://u:1", "upstream_timeout"): 1,
    }


def test_a_family_has_no_more_series_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "SERIES_LIMIT", 2)
    assert bounded({("a",): 1, ("b",): 2}) == {("a",): 1, ("b",): 2}
    assert bounded({("a",): 1, ("b",): 2, ("c",): 3, ("d",): 4}) == {("a",): 1, ("b",): 2, ("other",): 7}
    assert bounded({}) == {}


def test_rules_are_counted_however_many_act_together() -> None:
    traffic = Traffic()
    for number in range(600):
        traffic.acted([f"r{number}", "all"])
        traffic.acted(("all",))
    assert traffic.rules["all"] == 1200
    assert traffic.rules["r0"] == traffic.rules["r599"] == 1
    assert len(traffic._acted) <= 256 + 600
