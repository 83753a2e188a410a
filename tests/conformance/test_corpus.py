"""The labelled policies of the corpus: what must be accepted, and where the others must be refused.

The labels are a reading of the specification by others; `path` of a finding is compared with their `where`.
"""

from __future__ import annotations

import json
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from tests.spec.check_cases import run_check

from policyc.engine.options import COST_LIMIT

CORPUS = Path(__file__).parents[2].parent / "shared" / "corpus" / "dev"
LABELS: dict[str, Any] = (
    json.loads((CORPUS / "labels.json").read_text()) if (CORPUS / "labels.json").exists() else {}
)
SECONDS = 1.0
needs_corpus = pytest.mark.skipif(not LABELS, reason="the corpus of policies is not beside this checkout")


def keys(*labels: str) -> list[str]:
    """Return the keys of the policies (not of whole documents) with these labels."""
    return sorted(key for key, each in LABELS.items() if "/" not in key and each["label"] in labels) or ["-"]


def path_of(key: str) -> Path:
    """Return the file of a key."""
    if "/" in key:
        return CORPUS / key
    return next(path for ending in ("yaml", "json") if (path := CORPUS / f"{key}.{ending}").exists())


def is_near(found: str | None, where: str) -> bool:
    """Whether a finding's path is the labelled place, inside of it, or above it."""
    if not found:
        return False
    shorter, longer = sorted((found, where), key=len)
    return longer == shorter or longer.startswith((f"{shorter}.", f"{shorter}["))


@needs_corpus
@pytest.mark.parametrize("key", keys("ok"))
def test_what_is_labelled_ok_is_accepted(key: str) -> None:
    judged = run_check([str(path_of(key))])
    assert (judged.status, judged.complaint) == (0, ""), judged


@needs_corpus
def test_nothing_labelled_ok_comes_near_the_bound_of_cost() -> None:
    fifth = str(COST_LIMIT // 5)
    refused = {key for key in keys("ok") if run_check([str(path_of(key)), "--cost-limit", fifth]).status != 0}
    assert refused == set()


@needs_corpus
@pytest.mark.parametrize("key", keys("error"))
def test_what_is_labelled_wrong_is_refused_there(key: str) -> None:
    judged = run_check([str(path_of(key))])
    assert (judged.status, judged.complaint) == (1, ""), judged
    paths = [found["path"] for found in judged.found if found["severity"] == "error"]
    for error in LABELS[key]["errors"]:
        assert any(is_near(path, error["where"]) for path in paths), (error, paths)


@needs_corpus
@pytest.mark.parametrize("key", keys("debatable", "placeholder"))
def test_what_is_debatable_is_judged_somehow(key: str) -> None:
    judged = run_check([str(path_of(key))])
    assert judged.status in (0, 1)
    assert judged.complaint == ""


@needs_corpus
def test_no_document_takes_long_or_breaks_the_command() -> None:
    slow = {}
    for path in sorted(CORPUS.rglob("*")):
        if path.suffix not in (".yaml", ".json", ".yml") or path.name in ("index.json", "labels.json"):
            continue
        begin = perf_counter()
        judged = run_check([str(path)])
        taken = perf_counter() - begin
        assert judged.status in (0, 1), (path.name, judged)
        assert judged.complaint == "", path.name
        if taken > SECONDS:
            slow[path.name] = taken
    assert slow == {}


@needs_corpus
def test_whole_documents_that_are_labelled_wrong_are_refused() -> None:
    # Those labelled ok are Kubernetes manifests, which are not read.
    for key, label in LABELS.items():
        if key.startswith("wrapped/") and label["label"] == "error":
            assert run_check([str(path_of(key))]).status == 1, key
