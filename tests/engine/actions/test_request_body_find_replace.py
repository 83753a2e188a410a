"""spec/actions.md §4.7."""

from __future__ import annotations

import pytest
from tests.engine.exchanges import checked, config_of

from policyc.engine.action import Ends

TEMPLATED = '{ from: conn.client_ip, to: "<${conn.client_ip}>" }'
GOOD = '{ replacements: [{ from: "a(b)", to: "$1" }, { from: c }] }'


def test_replacements_have_a_pattern_and_may_leave_out_what_replaces_it() -> None:
    found = config_of("request-body-find-replace", GOOD, "on_http_request")
    assert found.found == []
    first, second = found.config().items("replacements")
    assert first.value == {"from": "a(b)", "to": "$1"}
    assert second.value == {"from": "c", "to": ""}


@pytest.mark.parametrize(
    ("config", "ngrok", "path"),
    [
        ("{}", 2234, "replacements"),
        ("{ replacements: [] }", 2223, "replacements"),
        ("{ replacements: { from: a } }", 2228, "replacements"),
        ("{ replacements: [{ to: b }] }", 2234, "replacements[0].from"),
        ('{ replacements: [{ from: "(" }] }', 2261, "replacements[0].from"),
        ("{ replacements: [{ from: a, with: b }] }", 2203, "replacements[0].with"),
        ("{ replacements: [text] }", 2228, "replacements[0]"),
    ],
)
def test_mistakes(config: str, ngrok: int, path: str) -> None:
    found = config_of("request-body-find-replace", config, "on_http_request").only
    assert (found.ngrok, found.path) == (ngrok, f"on_http_request[0].actions[0].config.{path}")


def test_both_take_templates() -> None:
    text = f"on_http_request {{ request-body-find-replace {{ replacements: [{TEMPLATED}] }} }}"
    found = checked(text)
    assert found.found == []
    assert len(list(found.config().nodes())) == 2


def test_it_never_ends_and_publishes_what_matched() -> None:
    action = config_of("request-body-find-replace", GOOD, "on_http_request").action()
    assert action.ends is Ends.NEVER
    assert action.result_name == "request_body_find_replace"
    assert action.compile is None
