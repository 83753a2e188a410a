"""The gateway as a process, as the tests of the command start it."""

from tests.runtime.cli.conftest import gateway

__all__ = ["gateway"]
