"""The registry of actions: one module per action type, its file name the action's name with underscores.

Names come from the file names, so nothing is imported before a policy names it; `actions()` imports all of
them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from policyc.engine.action import Action

# Other names of today that are accepted as they are (spec/actions.md §2, "Names outside this list").
ALIASES: Mapping[str, str] = MappingProxyType({"oidc": "openid-connect"})

# Names that people write for an action of ours; each gets a did-you-mean, none is accepted.
NEAR: Mapping[str, str] = MappingProxyType(
    {
        "add-header": "add-headers",
        "add-request-header": "add-headers",
        "add-request-headers": "add-headers",
        "add-response-header": "add-headers",
        "add-response-headers": "add-headers",
        "set-header": "add-headers",
        "set-headers": "add-headers",
        "remove-header": "remove-headers",
        "forward": "forward-internal",
        "ip-restriction": "restrict-ips",
        "ip-restrictions": "restrict-ips",
        "ip-policy": "restrict-ips",
        "webhook-validation": "verify-webhook",
        "webhook-verification": "verify-webhook",
        "jwt": "jwt-validation",
        "compress": "compress-response",
        "compression": "compress-response",
        "rewrite": "url-rewrite",
        "waf": "owasp-crs-request",
        "respond": "custom-response",
        "close": "close-connection",
        "block": "deny",
    }
)


class Suggestion(NamedTuple):
    """What was probably meant by a name that is no action type; `name` is None if nothing is near."""

    name: str | None


@cache
def names() -> tuple[str, ...]:
    """Return the names of all action types, sorted.

    The folder of a package that is no folder (an archive) is left to `pkgutil`, which imports for 5 ms.
    """
    try:
        files = [file for folder in __path__ for file in os.listdir(folder)]
    except OSError:
        import pkgutil

        files = [f"{module.name}.py" for module in pkgutil.iter_modules(__path__)]
    modules = (file.removesuffix(".py") for file in files if file.endswith(".py") and file != "__init__.py")
    return tuple(sorted(module.replace("_", "-") for module in modules))


@cache
def load(name: str) -> Action:
    """Return the action type of a name that `names()` has.

    Raises TypeError for a module without an action, or with one of another name.
    """
    from importlib import import_module

    from policyc.engine.action import Action

    module = import_module(f"{__name__}.{name.replace('-', '_')}")
    action = getattr(module, "ACTION", None)
    if not isinstance(action, Action):
        raise TypeError(f"{module.__name__} declares no ACTION")
    if action.name != name:
        raise TypeError(f"{module.__name__} declares the action {action.name}")
    return action


@cache
def actions() -> Mapping[str, Action]:
    """Return all action types by name, sorted; raises TypeError if two claim one name or one result."""
    found = {name: load(name) for name in names()}
    results = [action.result_name for action in found.values() if action.result_name is not None]
    if len(set(results)) < len(results):
        raise TypeError("two actions publish their result under one name")
    return MappingProxyType(found)


def find(name: str) -> Action | Suggestion:
    """Return the action type that a document names, or what it probably meant."""
    if name in names():
        return load(name)
    if name in ALIASES:
        return load(ALIASES[name])
    known = NEAR.get(name.lower().replace("_", "-"))
    if known is None:
        from policyc.grammar.nearest import nearest

        known = nearest(name, [*names(), *ALIASES])
    return Suggestion(known)


def result_owner(result: str) -> str | None:
    """Return the action type that publishes `actions.ngrok.<result>`, None if none does.

    The names follow from the file names but for the two of spec/policy-language.md §5.2.
    """
    special = {"compress": "compress-response", "oidc": "openid-connect"}
    name = special.get(result, result.replace("_", "-"))
    if name not in names():
        return None
    return name if load(name).result_name == result else None
