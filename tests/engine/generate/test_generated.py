"""Code that was generated, run."""

from __future__ import annotations

from policyc.engine.generate.generated import Generated


def test_functions_are_in_the_namespace_with_what_they_refer_to() -> None:
    thing = [1]
    code = compile("def f(x): return k0", "policyc.generated.test", "exec")
    generated = Generated(code, "test", {"k0": thing})
    assert generated.namespace["f"](None) is thing
    assert generated.captured == {"k0": thing}
