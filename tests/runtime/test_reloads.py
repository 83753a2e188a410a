from __future__ import annotations

from policyc.runtime.metrics import exposition
from policyc.runtime.reloads import Reloads


def test_a_failed_reload_leaves_digest_and_time() -> None:
    now = [100.0]
    made = Reloads(lambda: now[0])
    assert made.samples()["policyc_reloads_total"] == {("ok",): 0, ("failed",): 0}
    made.started("aa")
    now[0] = 200.0
    made.succeeded("bb")
    now[0] = 300.0
    made.failed(("nested_brackets",))
    assert made.digest == "bb"
    lines = [line for line in exposition(made.samples()).splitlines() if line[0] != "#"]
    assert 'policyc_policy_limit_hits_total{limit="nested_brackets"} 1' in lines
    assert [line for line in lines if "policy_limit" not in line] == [
        'policyc_reloads_total{result="ok"} 1',
        'policyc_reloads_total{result="failed"} 1',
        'policyc_config_info{digest="bb"} 1',
        "policyc_config_loaded_timestamp_seconds 200",
    ]
