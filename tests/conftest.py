"""Fixtures that more than one folder asks for stand in tests/support."""

pytest_plugins = ["support.postgres"]
