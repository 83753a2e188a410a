"""What reading a value gives."""

from __future__ import annotations

import pytest
from tests.engine.exchanges import exchange

from policyc.engine.schema import Config, Constant, Dynamic, Entries, Items
from policyc.grammar.source import Source

SPAN = Source("t", "x").whole()


def dynamic() -> Dynamic:
    return Dynamic(lambda: lambda x: x.req.method, (), SPAN, "p")


def test_a_constant_is_its_value() -> None:
    constant = Constant(1, SPAN, "p")
    assert constant.is_constant
    assert constant.value == 1
    assert constant.reader()(exchange()) == 1
    assert list(constant.nodes()) == []


def test_a_dynamic_reading_has_a_reader_and_no_value() -> None:
    assert not dynamic().is_constant
    assert dynamic().reader()(exchange(method="PUT")) == "PUT"
    with pytest.raises(AssertionError):
        _ = dynamic().value


def test_a_dynamic_reading_is_made_only_when_it_is_going_to_run() -> None:
    def make() -> object:
        raise RuntimeError("made")

    reading = Dynamic(make, (), SPAN, "p")  # type: ignore[arg-type]
    with pytest.raises(RuntimeError):
        reading.reader()


def test_lists_and_mappings_are_constant_if_all_of_them_is() -> None:
    one = Constant(1, SPAN, "p")
    assert Items((one, one), SPAN, "p").value == [1, 1]
    assert Entries({"a": one}, {}, SPAN, "p").value == {"a": 1}
    mixed = Items((one, dynamic()), SPAN, "p")
    assert not mixed.is_constant
    assert mixed.reader()(exchange()) == [1, "GET"]
    assert Entries({"a": dynamic()}, {}, SPAN, "p").reader()(exchange()) == {"a": "GET"}


def test_a_config_knows_what_was_given() -> None:
    config = Config(
        {"a": Constant(1, SPAN, "p.a"), "b": Items((), SPAN, "p.b")}, {}, frozenset({"a"}), SPAN, "p"
    )
    assert "a" in config
    assert config.get("c") is None
    assert config.constant("a", int) == 1
    assert config.items("b") == config.items("c") == ()
    assert config.span_of("a") == SPAN
    with pytest.raises(AssertionError):
        config.constant("a", str)
