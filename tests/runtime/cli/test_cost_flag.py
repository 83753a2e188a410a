import argparse

import pytest

from policyc.engine.options import COST_LIMIT
from policyc.runtime.cli.cost_flag import add_cost_flag


def parse(*argv: str) -> int:
    parser = argparse.ArgumentParser()
    add_cost_flag(parser)
    limit: int = parser.parse_args(argv).cost_limit
    return limit


def test_the_default_is_the_engines() -> None:
    assert parse() == COST_LIMIT


def test_a_number_may_be_grouped() -> None:
    assert parse("--cost-limit", "2_000_000") == parse("--cost-limit", "2,000,000") == 2_000_000


@pytest.mark.parametrize("text", ["0", "-1", "many", "1e6", "²"])
def test_anything_else_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(f"--cost-limit={text}")
    assert f"`{text}` is no number of units" in capsys.readouterr().err
