from __future__ import annotations

from types import FunctionType
from typing import Any, cast

import pytest

from policyc.engine.generate.generated import Generated
from policyc.engine.generate.module import Body, Module
from policyc.engine.image import functions as made
from policyc.engine.schema.fault import guarded


def inner(function: Any) -> FunctionType:
    return cast("FunctionType", function)


def test_inner_function_is_the_code_of_the_package_over_the_same_cells() -> None:
    step = inner(guarded(lambda x: None))
    twin = made.inner_function(step.__code__, step.__module__, step.__closure__ or (), (1,), {"a": 2})
    assert twin is not step
    assert twin.__code__ is step.__code__
    assert twin.__closure__ == step.__closure__
    assert twin.__globals__ is step.__globals__
    assert twin.__qualname__ == "guarded.<locals>.run"
    assert (twin.__defaults__, twin.__kwdefaults__) == ((1,), {"a": 2})


def test_a_cell_is_filled_later() -> None:
    cell = made.new_cell()
    made.fill_cell(cell, (None,))
    assert cell.cell_contents is None


def test_generated_code_is_put_together_in_two_steps() -> None:
    module = Module()
    early, late = module.capture({"a": 1}), module.capture([2])
    module.write("f", ["x", f"env={early}"], Body(module), [f"return env, {late}, x"])
    generated = module.load("test")["__generated__"]
    assert isinstance(generated, Generated)
    code, what, first, rest = made.generated_parts(generated)
    assert (first, rest) == ({early: {"a": 1}}, {late: [2]})
    twin = made.generated_again(code, what, first)
    made.capture_late(twin, rest)
    function = cast("Any", made.function_of(twin, "f"))
    assert function(3) == ({"a": 1}, [2], 3)


def test_an_object_can_be_blank_and_a_mapping_read_only() -> None:
    assert isinstance(made.blank(Module), Module)
    with pytest.raises(TypeError):
        cast("Any", made.read_only({"a": 1}))["a"] = 2
    assert cast("Any", made.bound([3], "count"))(3) == 1
