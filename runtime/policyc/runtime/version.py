"""The version of the package that is installed."""

from __future__ import annotations


def version() -> str:
    """Return the version, `unknown` where the package is not installed."""
    # importlib.metadata costs more than everything else that `policyc --version` does.
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("policyc")
    except PackageNotFoundError:
        return "unknown"
