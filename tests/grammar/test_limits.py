from policyc.grammar import limits
from policyc.grammar.codes import declared


def test_the_limits_are_those_of_the_specification() -> None:
    # spec/policy-language.md §1.4
    assert limits.DOCUMENT_OCTETS == 1024 * 1024
    assert limits.EXPRESSION_CHARACTERS == 16 * 1024
    assert limits.NESTED_BRACKETS == 32
    assert (limits.RULES_PER_PHASE, limits.EXPRESSIONS_PER_RULE, limits.ACTIONS_PER_RULE) == (1000, 64, 64)


def test_each_limit_has_a_code_that_explains_it() -> None:
    for code in declared().values():
        if code.id.startswith("P08"):
            assert code.explanation
            assert code.wrong
            assert code.right
