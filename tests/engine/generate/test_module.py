from __future__ import annotations

import math
import traceback

import pytest

from policyc.engine.generate.module import Body, Module, literal
from policyc.engine.values import UInt


@pytest.mark.parametrize("value", [None, True, 1, -5, 1.5, "it's", 'a"\n', "\udc80", b"\x00'"])
def test_literal_reads_back_as_the_value(value: object) -> None:
    code = literal(value)
    assert code is not None
    assert eval(code) == value


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, UInt(1), [1], {"a": 1}, object()])
def test_what_is_no_plain_value_is_captured(value: object) -> None:
    module = Module()
    name = module.constant(value)
    assert name.isidentifier()
    module.write("get", ["x"], Body(module), [f"return {name}"])
    assert module.load("test")["get"](None) is value


def test_same_object_has_one_name() -> None:
    module = Module()
    thing = [1]
    assert module.capture(thing) == module.capture(thing)
    assert module.capture([1]) != module.capture(thing)


def test_records_are_read_at_the_head_of_a_function() -> None:
    module = Module()
    body = Body(module)
    assert body.record("req") == "req"
    assert body.record("x") == "x"
    line = module.write("f", ["x"], body, ["return req"])
    assert module.source.splitlines()[line - 1].strip() == "return req"
    assert "req = x.req" in module.source


def test_outer_local_becomes_a_parameter() -> None:
    module = Module()
    outer, inner = Body(module), Body(module)
    mine = outer.bind("v")
    given = inner.local("v")
    assert inner.local("v") == given
    assert list(inner.free.values()) == [given]
    assert outer.arguments(inner) == [mine]


def test_environment_is_passed_on() -> None:
    module = Module()
    outer, inner = Body(module), Body(module)
    assert inner.env() == "env"
    assert outer.arguments(inner) == ["env"]
    assert None in outer.free


def test_traceback_shows_the_generated_source() -> None:
    module = Module()
    module.write("f", ["x"], Body(module), ["return 1 / 0  # here"])
    with pytest.raises(ZeroDivisionError) as caught:
        module.load("test")["f"](None)
    assert "return 1 / 0  # here" in "".join(traceback.format_exception(caught.value))
