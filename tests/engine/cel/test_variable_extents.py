import pytest

from policyc.engine.cel.extent import ANYTHING
from policyc.engine.cel.variable_extents import WORD, of_variable
from policyc.engine.message_limits import DEFAULTS, MessageLimits
from policyc.engine.variables import VARIABLES


@pytest.mark.parametrize(
    ("path", "characters"),
    [
        ("req.url.path", 16384),
        ("req.url", 65536),
        ("req.host", 16384),
        ("req.method", WORD),
        ("conn.client_ip", WORD),
        ("req.headers", 65536),
        ("req.url.query_params", 16384),
        ("conn.tls.client.pem", 16384),
    ],
)
def test_texts_are_as_long_as_the_limit_that_holds_them(path: str, characters: int) -> None:
    assert of_variable(VARIABLES[path], DEFAULTS).characters.most == characters


def test_all_header_values_together_fit_into_the_head() -> None:
    headers = of_variable(VARIABLES["req.headers"], DEFAULTS)
    assert (headers.length.most, headers.widest, headers.longest) == (100, 16384, 100)


def test_an_entry_of_the_query_takes_three_octets() -> None:
    assert of_variable(VARIABLES["req.url.query_params"], DEFAULTS).length.most == 16384 // 3


def test_numbers_know_their_range() -> None:
    assert of_variable(VARIABLES["res.status_code"], DEFAULTS)[:2] == (100, 999)
    assert of_variable(VARIABLES["conn.client_port"], DEFAULTS)[:2] == (0, 65535)


def test_other_limits_give_other_extents() -> None:
    narrow = MessageLimits(head=1000, target=100, fields=5, line=200)
    headers = of_variable(VARIABLES["req.headers"], narrow)
    assert (headers.length.most, headers.characters.most, headers.widest) == (5, 1000, 200)
    assert of_variable(VARIABLES["req.url.path"], narrow).characters.most == 100


def test_what_a_policy_makes_is_bounded_by_the_engine() -> None:
    assert of_variable(VARIABLES["vars"], DEFAULTS) == ANYTHING


def test_every_variable_of_a_message_has_a_bound_within_the_head() -> None:
    for path, variable in VARIABLES.items():
        if path != "vars":
            assert of_variable(variable, DEFAULTS).widest <= DEFAULTS.head, path
