"""spec/actions.md §4.3."""

from __future__ import annotations

import pytest
from tests.engine.exchanges import checked, config_of

from policyc.engine.action import Ends
from policyc.engine.phases import Phase


def test_all_four_algorithms_are_the_default() -> None:
    found = checked("on_http_response { compress-response }")
    assert found.found == []
    assert found.config()["algorithms"].value == ["gzip", "deflate", "br", "compress"]


@pytest.mark.parametrize(
    ("algorithms", "ngrok"),
    [("[zstd]", 2214), ("[gzip, gzip]", 2231), ("[]", 2223), ("gzip", 2228), ('["${req.method}"]', 2214)],
)
def test_a_subset_without_repetition(algorithms: str, ngrok: int) -> None:
    found = config_of("compress-response", f"{{ algorithms: {algorithms} }}", "on_http_response")
    assert [each.ngrok for each in found.found if each.severity == "error"] == [ngrok]


def test_it_is_for_responses_never_ends_and_publishes_under_compress() -> None:
    found = checked("on_http_response { compress-response }")
    action = found.action()
    assert action.phases == {Phase.HTTP_RESPONSE}
    assert action.ends_with(found.config()) is Ends.NEVER
    assert action.result_name == "compress"
