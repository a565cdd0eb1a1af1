"""The frozen plan and the hash that names it."""

import dataclasses

from agent.config.model import Config
from support.configuration import loaded

TEXT = """
vantage: fra-1
targets:
  - {name: a, provider: openai-compatible, endpoint: "http://127.0.0.1:1/v1", model: m}
"""


def test_a_plan_comes_back_from_its_file_as_it_was() -> None:
    """What the parent writes is what the children read."""
    config = loaded(TEXT).config
    assert Config.decode(config.encode()) == config


def test_the_hash_names_what_is_probed_and_judged_and_nothing_of_the_place() -> None:
    """Rules made in CI fit the daemon; a changed target or objective does not keep the old name."""
    config = loaded(TEXT).config
    target = config.targets[0]
    elsewhere = dataclasses.replace(target, path=dataclasses.replace(target.path, ca="/etc/ssl/ours.pem"))
    moved = dataclasses.replace(config, vantage="iad-1", state_dir="/srv", targets=(elsewhere,))
    assert moved.hash == config.hash
    changed = dataclasses.replace(target, endpoint="http://127.0.0.1:2/v1")
    assert dataclasses.replace(config, targets=(changed,)).hash != config.hash
    assert dataclasses.replace(config, objectives=config.objectives[:1]).hash != config.hash
