import pytest
from tests.engine.functions.evaluation import error_of, evaluate

MOMENT = "timestamp('2024-12-31T23:30:00Z')"


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        (f"{MOMENT}.getDayOfYear()", 365),
        (f"{MOMENT}.getFullYear('Europe/Berlin')", 2025),
        (f"{MOMENT}.getHours('America/St_Johns')", 20),
        (f"{MOMENT}.getMonth('+00:30')", 0),
        (f"{MOMENT}.getDayOfWeek()", 2),
        ("timestamp('9999-12-31T23:59:59Z').getFullYear('+11:00')", 10000),
        ("timestamp('0001-01-01T00:00:00Z').getFullYear('America/New_York')", 0),
        ("timestamp('1969-12-31T23:59:59.250Z').getMilliseconds()", 250),
        ("duration('-90m').getHours()", -1),
        ("duration('-1500ms').getMilliseconds()", -500),
        ("duration('-1500ms').getSeconds()", -1),
        ("duration('3730s').getMinutes()", 62),
    ],
)
def test_parts(expression: str, value: int) -> None:
    assert evaluate(expression) == value


@pytest.mark.parametrize(
    "zone", ["Mars/Olympus", "+25:00", "../etc/passwd", "/etc/passwd", "Europe", "x" * 300]
)
def test_unknown_zone_is_an_error(zone: str) -> None:
    assert error_of(f"{MOMENT}.getHours('{zone}')") == "invalid_argument"
