"""Fixtures that more than one folder asks for stand in tests/support; how property tests are run stands here."""

import os

import hypothesis

pytest_plugins = ["support.postgres"]

# They run in environments of their own, and import what is only there.
collect_ignore = ["oracles"]

# The suite gates landings, so it tries the same examples each time; PROPERTIES=explore tries new ones,
# and `make fuzz` (PROPERTIES=fuzz) tries new ones for a quarter of an hour.
hypothesis.settings.register_profile("suite", derandomize=True, deadline=None, database=None, max_examples=50)
hypothesis.settings.register_profile("explore", deadline=None, max_examples=1000)
hypothesis.settings.register_profile("fuzz", deadline=None, max_examples=10_000)
hypothesis.settings.load_profile(os.environ.get("PROPERTIES", "suite"))
