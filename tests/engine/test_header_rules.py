"""Headers that policies may not touch."""

from __future__ import annotations

from policyc.engine.header_rules import is_framing, refused_to_add, refused_to_remove


def test_framing_is_the_gateways() -> None:
    for name in ("connection", "content-length", "transfer-encoding", "proxy-anything", "ngrok-error-code"):
        assert is_framing(name)
        assert refused_to_add(name)
        assert refused_to_remove(name)
    assert not is_framing("content-type")


def test_host_may_be_set_and_not_removed() -> None:
    assert refused_to_add("host") is None
    assert refused_to_remove("host")


def test_user_agent_may_be_neither_added_nor_removed() -> None:
    assert refused_to_add("user-agent")
    assert refused_to_remove("user-agent")


def test_the_interstitials_header_may_not_be_added() -> None:
    assert refused_to_add("ngrok-skip-browser-warning")
    assert refused_to_remove("ngrok-skip-browser-warning") is None
