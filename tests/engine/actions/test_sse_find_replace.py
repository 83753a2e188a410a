"""spec/actions.md §4.8."""

from __future__ import annotations

import pytest
from tests.engine.exchanges import checked, config_of

from policyc.engine.action import Ends

TEMPLATED = '{ from: conn.client_ip, to: "<${conn.client_ip}>" }'
GOOD = '{ replacements: [{ from: "a(b)", to: "$1" }, { from: c }] }'


def test_replacements_have_a_pattern_and_may_leave_out_what_replaces_it() -> None:
    found = config_of("sse-find-replace", GOOD, "on_event_stream_message")
    assert found.found == []
    first, second = found.config().items("replacements")
    assert first.value == {"from": "a(b)", "to": "$1", "field": "data"}
    assert second.value == {"from": "c", "to": "", "field": "data"}


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
    found = config_of("sse-find-replace", config, "on_event_stream_message").only
    assert (found.ngrok, found.path) == (ngrok, f"on_event_stream_message[0].actions[0].config.{path}")


def test_both_take_templates() -> None:
    text = f"on_event_stream_message {{ sse-find-replace {{ replacements: [{TEMPLATED}] }} }}"
    found = checked(text)
    assert found.found == []
    assert len(list(found.config().nodes())) == 2


def test_it_never_ends_and_publishes_what_matched() -> None:
    action = config_of("sse-find-replace", GOOD, "on_event_stream_message").action()
    assert action.ends is Ends.NEVER
    assert action.result_name == "sse_find_replace"
    assert action.compile is None


@pytest.mark.parametrize(
    ("name", "is_right"), [("data", True), ("retry", True), ("event", False), ("id", False)]
)
def test_only_data_and_retry_are_within_reach(name: str, is_right: bool) -> None:
    found = config_of(
        "sse-find-replace", f"{{ replacements: [{{ from: a, field: {name} }}] }}", "on_event_stream_message"
    )
    assert [each.ngrok for each in found.found] == ([] if is_right else [2222])


def test_the_field_may_be_a_template() -> None:
    text = (
        "on_event_stream_message { sse-find-replace "
        '{ replacements: [{ from: "a", field: "${req.headers[\'x-f\'][0]}" }] } }'
    )
    assert checked(text).found == []
