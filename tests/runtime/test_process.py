"""What the system says of this process."""

from __future__ import annotations

import os
import resource
import sys

import pytest

from policyc.runtime import process


def test_samples_are_of_this_process() -> None:
    samples = process.process_samples()
    assert samples["process_cpu_seconds_total"][()] > 0
    if sys.platform == "linux":
        assert 1_000_000 < samples["process_resident_memory_bytes"][()] < 10_000_000_000


def test_descriptors_are_counted() -> None:
    before = process.open_descriptors()
    if not before:
        pytest.skip("this system does not list descriptors")
    extra = os.dup(0)
    try:
        assert process.open_descriptors() == before + 1
    finally:
        os.close(extra)


def test_limit_is_raised_as_far_as_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 4096))
    monkeypatch.setattr(resource, "setrlimit", lambda _, both: asked.append(both))
    process.raise_descriptor_limit()
    assert asked == [(4096, 4096)]
    assert process.descriptor_limit() == 1024


def test_no_limit_is_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert process.descriptor_limit() == 0
