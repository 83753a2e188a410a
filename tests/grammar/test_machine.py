"""The machine against Lark's own, which made its tables: same trees, same places of errors, same stacks."""

from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lark import Lark
from lark.exceptions import UnexpectedCharacters, UnexpectedInput
from lark.lexer import Token as LarkToken

from policyc.grammar import codes
from policyc.grammar.machine import Parser, Run, TooTall, Unexpected
from policyc.grammar.mistakes import RECOGNISERS
from policyc.grammar.saved_parser import grammar_text
from policyc.grammar.tables import START, tables_of

assert RECOGNISERS  # the codes of mistakes bring samples


class Recorder:
    """Builds `(name of the alternative, children)` for every alternative."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name.isupper():  # a repetition, a terminal
            raise AttributeError(name)
        return lambda children: (name, list(children))


@cache
def lark() -> Lark:
    return Lark(
        grammar_text(),
        parser="lalr",
        lexer="contextual",
        start=list(START),
        maybe_placeholders=False,
        transformer=Recorder(),
    )


@cache
def machine() -> Parser:
    return Parser(tables_of(lark()))


def plain(value: Any) -> Any:
    """Return a value of either machine as lists and tuples of texts and numbers."""
    if isinstance(value, tuple):
        return (value[0], [plain(child) for child in value[1]])
    if isinstance(value, list):
        return [plain(child) for child in value]
    if hasattr(value, "children"):  # what Lark makes of a repetition
        return [plain(child) for child in value.children]
    return (value.type, str(value) if isinstance(value, str) else value.text, value.start_pos, value.end_pos)


def by_lark(text: str, start: str) -> Any:
    going: Any = lark().parse_interactive(text, start=start)
    state = going.parser_state
    try:
        for token in going.lexer_thread.lex(state):
            state.feed_token(token)
        return plain(state.feed_token(LarkToken("$END", "", len(text), end_pos=len(text)), True))
    except UnexpectedInput as error:
        wrong: Any = getattr(error, "token", None)
        at: Any = error.pos_in_stream
        if isinstance(error, UnexpectedCharacters):
            place = (at, at + 1)
        elif wrong.type == "$END":
            place = (len(text), len(text))
        else:
            place = (wrong.start_pos, wrong.end_pos)
        return (place, state.state_stack, [plain(v) for v in state.value_stack], going.accepts())


def by_machine(text: str, start: str) -> Any:
    run = Run(machine(), Recorder(), text, start, 10_000)
    try:
        return plain(run.go())
    except Unexpected as error:
        return ((error.start, error.end), run.states, [plain(v) for v in run.values], run.accepts())


SAMPLES = sorted({text for code in codes.declared().values() for text in (code.wrong, code.right) if text})


@pytest.mark.parametrize("text", SAMPLES)
def test_it_reads_the_samples_of_all_codes_as_lark_does(text: str) -> None:
    for start in START:
        assert by_machine(text, start) == by_lark(text, start)


# fmt: off
PIECES = st.sampled_from([
    "import", "let", "rules", "endpoint", "test", "use", "rule", "when", "in", "true", "false", "null",
    "name", "on_http_request", "inlist", "whenever", "rules1", "_", "é", "a-b", "x-1-", "`a.b`",
    '"s"', "'it'", 'r"\\d"', "b'x'", '"""t"""', '"open', "${",
    "1", "2u", "0x1F", "1.5", ".5", "1e3", "60s", "10MiB", "1.", "1h30m", "5xy",
    "(", ")", "[", "]", "{", "}", ".", "?", "<", "<=", ">", ">=", "==", "!=", "=", "+", "-", "*", "/", "%",
    "!", "->", "&&", "||", "&", "|", ",", ":", ";", "//", "#c", "/*", "\\", "$END",
])
# fmt: on
GAPS = st.sampled_from(["", " ", "\n", "\t", " // note\n", "# note\n", "//"])


@given(st.lists(st.tuples(PIECES, GAPS), max_size=14))
def test_it_reads_anything_as_lark_does(pieces: list[tuple[str, str]]) -> None:
    text = "".join(piece + gap for piece, gap in pieces)
    for start in START:
        assert by_machine(text, start) == by_lark(text, start)


STATEMENTS = st.sampled_from(
    [
        'endpoint "https://a.internal" -> "http://127.0.0.1:1" { binding: "internal", on_x { deny } }',
        'on_http_request { rule "a" when b in ["a", "b",] { deny 401 } use c add-headers { d: {e: f} } }',
        "rules guards { when a.?b[?c] == {x: 1, ?y: 2}[z] || !f(1, -2) ? d : e { log { a: 1 b: 60s } } }",
        "let a = b.c(d).`e-f` + 1 * (2 - 3) % 4u",
        'import "x.policy"',
        'test "t" { a: [1, (2)] -> b-c == "d" }',
    ]
)


@given(st.lists(STATEMENTS, max_size=4).map(" ".join), st.data())
def test_it_stops_where_lark_stops(text: str, data: st.DataObject) -> None:
    if text:
        at = data.draw(st.integers(0, len(text) - 1))
        text = text[:at] + data.draw(PIECES) + text[at + data.draw(st.integers(0, 2)) :]
    assert by_machine(text, "file") == by_lark(text, "file")


def test_a_comment_is_never_taken_for_a_division() -> None:
    run = Run(machine(), Recorder(), "a // b", "expression", 10)
    assert plain(run.go())[1] == [("name", [("NAME", "a", 0, 1)])]


def test_it_goes_on_where_it_is_told_to() -> None:
    run = Run(machine(), Recorder(), "let a = ) let b = 1", "file", 100)
    with pytest.raises(Unexpected) as caught:
        run.go()
    assert (caught.value.start, caught.value.end) == (8, 9)
    assert run.previous is not None
    assert run.previous.text == "="
    del run.values[0:], run.states[1:]
    run.at = 10
    _, items = run.go()
    assert [name for name, _ in items] == ["let_item"]


def test_a_stack_that_grows_too_tall_ends_the_run() -> None:
    run = Run(machine(), Recorder(), "-" * 50 + "1", "expression", 20)
    with pytest.raises(TooTall):
        run.go()
    assert run.previous is not None
    assert run.previous.start_pos == 20


def test_a_long_list_is_not_copied_for_each_of_its_items() -> None:
    text = "let a = 1\n" * 5000
    run = Run(machine(), Recorder(), text, "file", 100)
    _, items = run.go()
    assert len(items) == 5000
