"""Every block of YAML in docs/objectives.md is checked as a user would copy it."""

import re
from pathlib import Path

import pytest

from support.configuration import loaded

PAGE = (Path(__file__).parents[2] / "docs" / "objectives.md").read_text()
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("text", BLOCKS)
def test_each_block_is_taken_without_a_warning(text: str) -> None:
    found = loaded(text, no_secrets=True)
    assert found.warnings == ()
    assert found.config.objectives
