import pytest
from tests.engine.cel.asking import cel, fault, found, traffic, type_of

from policyc.grammar.diagnostic import Severity


@pytest.mark.parametrize(
    ("expression", "code", "text"),
    [
        ("req.host.matches('(')", "P0211", "'('"),
        ("matches(req.host, '(?!a)')", "P0211", "'(?!a)'"),
        ("timestamp('garbage') == conn.ts.start", "P0212", "'garbage'"),
        ("duration('1x') == duration('1s')", "P0212", "'1x'"),
        ("int('x') == 1", "P0212", "'x'"),
    ],
)
def test_constants_that_always_fail_are_errors(expression: str, code: str, text: str) -> None:
    only = fault(expression)
    assert (only.code.id, only.severity, only.span.text) == (code, Severity.ERROR, text)


def test_a_constant_that_is_no_range_is_warned_of() -> None:
    only = fault("inCidrRange(conn.client_ip, '10.0.0.0/33')")
    assert (only.code.id, only.severity) == ("P0213", Severity.WARNING)
    only = fault("inCidrRanges(conn.client_ip, ['10.0.0.0/8', 'garbage'])")
    assert only.span.text == "'garbage'"
    assert not found("inCidrRange(conn.client_ip, '66.249.66.1/24')")


def test_numbers_that_are_text_are_warned_of_in_comparisons() -> None:
    only = fault("conn.geo.radius <= '5'")
    assert (only.code.id, only.severity) == ("P0214", Severity.WARNING)
    assert fault("'5' > conn.client_ip.geo.location.latitude").code.id == "P0214"
    assert not found("conn.geo.radius == '5'")
    assert not found("double(conn.geo.radius) <= 5.0")


def test_a_constant_of_a_let_is_reported_at_the_use() -> None:
    only = fault("req.host.matches(re)", traffic(re="'('"))
    assert only.span.text == "req.host.matches(re)"
    assert only.labels[0].span.source.name == "let re"


def test_in_the_specification_environment_it_is_a_matter_of_evaluation() -> None:
    assert type_of("'a'.matches('(')", cel()) == "bool"
    assert type_of("timestamp('garbage')", cel()) == "timestamp"
