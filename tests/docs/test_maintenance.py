"""What docs/maintenance.md shows is taken as it stands."""

import re
import shlex
from pathlib import Path

import pytest

from agent.arguments import arguments
from support.configuration import LOCAL, loaded

PAGE = (Path(__file__).parents[2] / "docs" / "maintenance.md").read_text()
COMMANDS = re.findall(r"^nephoscope (.+)$", PAGE, re.MULTILINE)


def test_the_block_is_taken() -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    found = loaded(f"targets: [{LOCAL}]\n{text}")
    assert found.warnings == ()
    assert [one.for_s for one in found.config.maintenance] == [7200.0, 43200.0]


def test_there_are_commands() -> None:
    assert len(COMMANDS) == 6


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_is_understood(command: str) -> None:
    args = arguments(shlex.split(command))
    assert args.command in {"maintenance", "correct"}
