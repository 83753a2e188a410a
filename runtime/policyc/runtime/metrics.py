"""What a gateway counts, and how that reads in Prometheus' text format.

Rules. 1. While traffic flows, counting adds to plain integers in place; names, labels and text are made when
somebody asks. 2. A family is declared in FAMILIES or does not exist. 3. Labels come from the configuration
(endpoints, rules, upstreams) or from tables of the code (reasons), never from a client; each family keeps at
most SERIES_LIMIT label sets, what is beyond counts as `other`.

Samples are sums, so those of several workers are added up.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from policyc.runtime.reasons import QUIET_LIMITS, REASONS, UPSTREAM_REASONS

if TYPE_CHECKING:
    from policyc.runtime.observe import Record, Sink

SERIES_LIMIT = 10_000
BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_BOUNDS_MS = tuple(bound * 1000 for bound in BOUNDS_S)
_CLASSES = 6
_OTHER = "other"
_STREAMS = frozenset({"tcp", "tls"})

Labels = tuple[str, ...]
Samples = dict[str, dict[Labels, float]]


class Family(NamedTuple):
    """A metric: `kind` is counter, gauge or histogram, `labels` name what its samples are told apart by."""

    kind: str
    help: str
    labels: Labels = ()


FAMILIES: Mapping[str, Family] = {
    "policyc_build_info": Family("gauge", "1, for the version that runs", ("version", "python")),
    "policyc_requests_total": Family(
        "counter", "requests answered, by the endpoint that they came to", ("endpoint", "status")
    ),
    "policyc_request_duration_seconds": Family(
        "histogram", "from the request head to the end of the response", ("endpoint",)
    ),
    "policyc_response_body_bytes_total": Family("counter", "octets of response bodies sent", ("endpoint",)),
    "policyc_streams_total": Family("counter", "tcp and tls connections that ended", ("endpoint",)),
    "policyc_tunnels_total": Family("counter", "tunnels (WebSocket) that ended", ("endpoint",)),
    "policyc_tunnel_bytes_total": Family(
        "counter", "octets through tunnels, from clients (in) and to them (out)", ("endpoint", "direction")
    ),
    "policyc_rules_acted_total": Family(
        "counter", "times that a rule acted, by the endpoint that the traffic came to", ("endpoint", "rule")
    ),
    "policyc_refusals_total": Family(
        "counter", "traffic refused, failed or given up, by reason", ("reason",)
    ),
    "policyc_limit_hits_total": Family("counter", "times that a limit was met, by its setting", ("limit",)),
    "policyc_connections": Family("gauge", "client connections that are open"),
    "policyc_connections_total": Family("counter", "client connections that were let in"),
    "policyc_accept_pauses_total": Family("counter", "times that accepting paused for want of descriptors"),
    "policyc_upstream_connections": Family(
        "gauge",
        "connections to upstreams of http and https endpoints: open ones, and how many of them are idle",
        ("upstream", "state"),
    ),
    "policyc_upstream_failures_total": Family(
        "counter", "exchanges that failed because of an upstream", ("upstream", "reason")
    ),
    "policyc_upstream_connect_failures_total": Family(
        "counter", "failed attempts to connect to an upstream", ("upstream",)
    ),
    "policyc_rate_limit_buckets": Family("gauge", "buckets that rate limits keep"),
    "policyc_rate_limit_evictions_total": Family("counter", "buckets that went because the table was full"),
    "policyc_reloads_total": Family("counter", "reloads", ("result",)),
    "policyc_policy_limit_hits_total": Family(
        "counter", "reloads refused because a policy exceeds a limit of policies", ("limit",)
    ),
    "policyc_config_info": Family("gauge", "1, for the configuration that is served", ("digest",)),
    "policyc_config_loaded_timestamp_seconds": Family("gauge", "when that was loaded, seconds since 1970"),
    "policyc_workers": Family("gauge", "worker processes that serve, with `--workers`"),
    "policyc_worker_restarts_total": Family("counter", "times that a worker was started in place of another"),
    "policyc_access_log_lines_lost_total": Family("counter", "lines that could not be written"),
    "process_resident_memory_bytes": Family("gauge", "memory in use, of all processes"),
    "process_cpu_seconds_total": Family("counter", "CPU time used, of all processes"),
    "process_open_fds": Family("gauge", "open file descriptors, of all processes"),
}

_GAUGES = frozenset(name for name, family in FAMILIES.items() if family.kind == "gauge")

# These say the same in every worker, and are not added up.
_SAME = frozenset({"policyc_build_info"})


# Sets of rules of one endpoint that acted together; of others, each rule is counted by itself.
_TOGETHER = 256


class Traffic:
    """The counts of one endpoint; an entry of `by_duration` is one bucket, not a sum.

    Both stand in one list: of many endpoints it is not in the processor's cache, and a second one would cost
    what the first did.
    """

    __slots__ = (
        "_acted", "_counts", "octets", "seconds_ms", "streams", "tunnelled_in", "tunnelled_out",
    )  # fmt: skip

    def __init__(self) -> None:
        """Begin at zero."""
        self._counts = [0] * (_CLASSES + len(_BOUNDS_MS) + 1)
        self.seconds_ms = 0.0
        self.octets = 0
        self.streams = 0
        self.tunnelled_in = self.tunnelled_out = 0
        # Rules mostly act together: counted by all of their names, which is once per request.
        self._acted: dict[tuple[str, ...], int] = {}

    def answered(self, status: int, duration_ms: float, octets: int) -> None:
        """Count a request that was answered."""
        counts = self._counts
        counts[status // 100] += 1
        counts[_CLASSES + bisect_left(_BOUNDS_MS, duration_ms)] += 1
        self.seconds_ms += duration_ms
        self.octets += octets

    def tunnelled(self, octets_in: int, octets_out: int) -> None:
        """Count a tunnel that has ended: its length would say nothing of requests."""
        self._counts[1] += 1
        self.tunnelled_in += octets_in
        self.tunnelled_out += octets_out

    @property
    def by_class(self) -> list[int]:
        """The answers by the hundreds of their status; none was sent where it is 0."""
        return self._counts[:_CLASSES]

    @property
    def by_duration(self) -> list[int]:
        """The answers by duration, in the buckets of `BOUNDS_S`."""
        return self._counts[_CLASSES:]

    def acted(self, names: Sequence[str]) -> None:
        """Count the rules that did something."""
        acted, key = self._acted, tuple(names)
        count = acted.get(key)
        if count is not None:
            acted[key] = count + 1
        elif len(acted) < _TOGETHER:
            acted[key] = 1
        else:
            for name in names:
                acted[name,] = acted.get((name,), 0) + 1

    @property
    def rules(self) -> dict[str, int]:
        """How often each rule did something, by its name."""
        rules: dict[str, int] = {}
        for names, count in self._acted.items():
            for name in names:
                rules[name] = rules.get(name, 0) + count
        return rules


class Metrics:
    """Counts records as they come. `write` is where each of them goes next: the access log."""

    def __init__(self, write: Sink) -> None:
        """Begin at zero."""
        self._write = write
        self._traffic: dict[str, Traffic] = {}
        self._reasons: dict[str, int] = {}
        self._failures: dict[Labels, float] = {}
        self._met = dict.fromkeys(QUIET_LIMITS, 0)
        self.connections = 0

    def finished(self, record: Record) -> None:
        """Count a request, a connection or a refusal, and pass the record on."""
        passed = record.get("endpoints")
        url = passed[0] if passed else ""
        traffic = self.traffic(url)
        status = record.get("status")
        if status == 101:
            traffic.tunnelled(record.get("bytes_in", 0), record.get("bytes_out", 0))
        elif status is not None:
            traffic.answered(status, record.get("duration_ms", 0.0), record.get("bytes", 0))
        elif record.get("protocol") in _STREAMS:
            traffic.streams += 1
        acted = record.get("rules")
        if acted:
            traffic.acted(acted)
        reason = record.get("reason")
        if reason:
            self.refused(reason)
            if reason in UPSTREAM_REASONS and (upstream := record.get("upstream")):
                failures = self._failures
                failures[upstream, reason] = failures.get((upstream, reason), 0) + 1
        self._write(record)

    def refused(self, reason: str) -> None:
        """Count a refusal that has no record of its own."""
        self._reasons[reason] = self._reasons.get(reason, 0) + 1

    def met(self, limit: str) -> None:
        """Count that a limit was met which refuses nothing; `limit` is one of QUIET_LIMITS."""
        self._met[limit] += 1

    def traffic(self, url: str) -> Traffic:
        """Return the counts of an endpoint."""
        return self._traffic.get(url) or self._begin(url)

    def _begin(self, url: str) -> Traffic:
        if len(self._traffic) >= SERIES_LIMIT:
            return self._traffic.get(_OTHER) or self._traffic.setdefault(_OTHER, Traffic())
        return self._traffic.setdefault(url, Traffic())

    def collect(self) -> Samples:
        """Return what was counted."""
        samples: Samples = {
            "policyc_connections_total": {(): self.connections},
            "policyc_upstream_failures_total": bounded(self._failures),
            "policyc_limit_hits_total": {
                **{(each.setting,): 0 for each in REASONS.values() if each.setting},
                **{(limit,): count for limit, count in self._met.items()},
            },
        }
        refusals = samples["policyc_refusals_total"] = {}
        limits = samples["policyc_limit_hits_total"]
        for name, count in self._reasons.items():
            reason = REASONS.get(name)
            if reason is None or reason.by != "answer":
                refusals[name,] = count
            if reason is not None and reason.setting:
                limits[reason.setting,] += count
        for url, traffic in self._traffic.items():
            _collect_endpoint(samples, url, traffic)
        return samples


def _collect_endpoint(samples: Samples, url: str, traffic: Traffic) -> None:
    for number, count in enumerate(traffic.by_class):
        if count:
            status = f"{number}xx" if number else "none"  # closed without an answer
            samples.setdefault("policyc_requests_total", {})[url, status] = count
    if traffic.by_class[1]:
        samples.setdefault("policyc_tunnels_total", {})[url,] = traffic.by_class[1]
        tunnelled = samples.setdefault("policyc_tunnel_bytes_total", {})
        tunnelled[url, "in"], tunnelled[url, "out"] = traffic.tunnelled_in, traffic.tunnelled_out
    if traffic.streams:
        samples.setdefault("policyc_streams_total", {})[url,] = traffic.streams
    acted = samples.setdefault("policyc_rules_acted_total", {})
    for rule, count in traffic.rules.items():
        key = (url, rule) if len(acted) < SERIES_LIMIT else (_OTHER, _OTHER)
        acted[key] = acted.get(key, 0) + count
    total = sum(traffic.by_duration)
    if not total:
        return
    samples.setdefault("policyc_response_body_bytes_total", {})[url,] = traffic.octets
    buckets = samples.setdefault("policyc_request_duration_seconds_bucket", {})
    below = 0
    for bound, count in zip(BOUNDS_S, traffic.by_duration, strict=False):
        below += count
        buckets[url, f"{bound:g}"] = below
    buckets[url, "+Inf"] = total
    samples.setdefault("policyc_request_duration_seconds_sum", {})[url,] = traffic.seconds_ms / 1000
    samples.setdefault("policyc_request_duration_seconds_count", {})[url,] = total


def bounded(series: Mapping[Labels, float]) -> dict[Labels, float]:
    """Return the series of a family as many as it may have; what is beyond is in one by itself."""
    if len(series) <= SERIES_LIMIT:
        return dict(series)
    kept = dict(islice(series.items(), SERIES_LIMIT))
    other = (_OTHER,) * len(next(iter(series)))
    kept[other] = kept.get(other, 0) + sum(series.values()) - sum(kept.values())
    return kept


def add_up(parts: Iterable[Samples]) -> Samples:
    """Return the samples of several workers as those of one gateway."""
    total: Samples = {}
    for part in parts:
        for name, series in part.items():
            into = total.setdefault(name, {})
            same = name in _SAME
            for labels, value in series.items():
                before = into.get(labels, 0)
                into[labels] = max(before, value) if same else before + value
    return total


def counters_of(samples: Samples) -> Samples:
    """Return what has been counted, without what is true of a moment only."""
    return {name: series for name, series in samples.items() if name not in _GAUGES}


def exposition(samples: Samples) -> str:
    """Return the text that a Prometheus server reads, format 0.0.4."""
    return "".join(line + "\n" for line in _lines(samples))


def _lines(samples: Samples) -> Iterator[str]:
    for name, family in FAMILIES.items():
        parts = (
            [(name, family.labels)]
            if family.kind != "histogram"
            else [
                (f"{name}_bucket", (*family.labels, "le")),
                (f"{name}_sum", family.labels),
                (f"{name}_count", family.labels),
            ]
        )
        if not any(samples.get(part) for part, _ in parts):
            continue
        yield f"# HELP {name} {family.help}"
        yield f"# TYPE {name} {family.kind}"
        for part, labels in parts:
            for values, value in samples.get(part, {}).items():
                yield f"{part}{_labels(labels, values)} {_number(value)}"


def _labels(names: Labels, values: Labels) -> str:
    if not names:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(v)}"' for name, v in zip(names, values, strict=True)) + "}"


def _escaped(value: str) -> str:
    text = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return text.encode("utf-8", "replace").decode()


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(round(value, 9))
