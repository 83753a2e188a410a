from policyc.engine.cel.regex import compile_pattern
from policyc.engine.remade import remade


def test_a_function_says_what_gives_it() -> None:
    def function() -> int:
        return 1

    assert remade(function, compile_pattern, "a") is function
    assert function.__dict__["remade"] == (compile_pattern, ("a",))


def test_predicates_of_patterns_say_it() -> None:
    factory, args = compile_pattern("^a").__dict__["remade"]
    assert factory(*args)("ab")
