"""What is not the same at every evaluation: random numbers and secrets (spec/variables.md §9.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from policyc.engine.cel.prices import characters, price
from policyc.engine.function import Dialect, Function, Overload
from policyc.engine.types import DOUBLE, INT, STRING, Type
from policyc.engine.values import EvalError

if TYPE_CHECKING:
    from collections.abc import Callable

    from policyc.engine.traffic import Exchange

SECRET_LIMIT: Final = 64 * 1024  # characters of a secret


def _double(x: Exchange) -> float:
    return x.services.random_double()


def _bit(x: Exchange) -> int:
    return x.services.random_int(0, 1)


def _between(x: Exchange, low: int, high: int) -> int:
    if low < 0:
        raise EvalError("invalid_argument", f"rand.int takes no negative bound: {low}")
    if low > high:
        raise EvalError("invalid_argument", f"rand.int wants the smaller bound first: {low}, {high}")
    return x.services.random_int(low, high)


def _secret(x: Exchange, vault: str, name: str) -> str:
    return x.services.secret(vault, name)


def _impure(name: str, params: tuple[Type, ...], result: Type, body: Callable[..., object]) -> Overload:
    return Overload(
        name,
        params,
        result,
        body,
        pure=False,
        needs_exchange=True,
        dialect=Dialect.TRAFFIC,
        cost=price(20),
        size=characters(SECRET_LIMIT) if result == STRING else None,
    )


FUNCTIONS = (
    Function(
        "rand.double",
        "A random number from 0 up to, not including, 1.",
        (_impure("rand_double", (), DOUBLE, _double),),
    ),
    Function(
        "rand.int",
        "A random integer between two bounds, both included; 0 or 1 without bounds.",
        (_impure("rand_int", (), INT, _bit), _impure("rand_int_int_int", (INT, INT), INT, _between)),
    ),
    Function(
        "secrets.get",
        "The secret of that name in the vault.",
        (_impure("secrets_get", (STRING, STRING), STRING, _secret),),
    ),
    Function(
        "security.secret",
        "The secret of that name in the vault.",
        (_impure("security_secret", (STRING, STRING), STRING, _secret),),
        replaced_by="secrets.get",
    ),
)
