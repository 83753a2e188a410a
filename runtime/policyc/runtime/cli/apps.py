"""`--app URL=TARGET`: an ASGI application as an internal endpoint, by module or by file.

Only the command line and Python programs name code to run; a policy file never does.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from types import ModuleType
from typing import Any, NamedTuple

from policyc.runtime.cli.failure import CommandError


def url_of(text: str) -> str:
    """Return the URL in what `--app` was given, without loading anything. Raises CommandError."""
    return _parts(text)[0]


class AppFlag(NamedTuple):
    """What `--app` was given: the endpoint's URL and the application."""

    url: str
    app: Any


def load_app(text: str, loaded: dict[str, ModuleType]) -> AppFlag:
    """Return the endpoint and the application that `URL=MODULE:ATTR` or `URL=PATH.py:ATTR` names.

    `loaded` keeps the files that were loaded: two flags of one file share its module. Raises CommandError.
    """
    url, place, attribute = _parts(text)
    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())  # as `python -m` does; the script's own folder is there instead
    try:
        app: Any = _load_file(place, loaded) if place.endswith(".py") else importlib.import_module(place)
        for name in attribute.split("."):
            app = getattr(app, name)
    except AttributeError:
        raise CommandError(f"--app {text}: {place} has no `{attribute}`") from None
    except FileNotFoundError:
        raise CommandError(f"--app {text}: cannot read {place}: no such file") from None
    except ModuleNotFoundError as error:
        raise CommandError(f"--app {text}: there is no module `{error.name}`") from None
    except Exception as error:  # the application's own code failed while it was loaded
        raise CommandError(f"--app {text}: loading {place} failed: {type(error).__name__}: {error}") from None
    if not callable(app):
        raise CommandError(
            f"--app {text}: `{attribute}` of {place} is no ASGI application: it cannot be called"
        )
    return AppFlag(url, app)


def _parts(text: str) -> tuple[str, str, str]:
    """Return URL, place of the code, and name in it."""
    url, equals, target = text.partition("=")
    place, colon, attribute = target.rpartition(":")
    if not (url and equals and place and colon and attribute):
        raise CommandError(
            f"--app {text}: write URL=MODULE:ATTR or URL=PATH.py:ATTR, as https://app.internal=shop_app:app"
        )
    return url, place, attribute


def _load_file(path: str, loaded: dict[str, ModuleType]) -> ModuleType:
    """Return the module of a file, which may import its neighbours; raises whatever its code raises."""
    path = os.path.abspath(path)
    if path not in loaded:
        if not os.path.isfile(path):
            raise FileNotFoundError(path)
        name = f"policyc_app_{os.path.basename(path)[:-3]}_{len(loaded)}"
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None, "a name that ends in .py always has a loader"
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        directory = os.path.dirname(path)
        if directory not in sys.path:
            sys.path.insert(0, directory)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        loaded[path] = module
    return loaded[path]
