"""Every whole configuration in docs/configuration.md is checked as a user would copy it."""

import re
from pathlib import Path

import pytest

from support.daemon import nephoscope

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
WHOLE = [text for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if "targets:" in text]


@pytest.mark.parametrize("text", WHOLE)
def test_each_whole_configuration_passes_check(text: str, tmp_path: Path) -> None:
    (tmp_path / "nephoscope.yaml").write_text(text)
    done = nephoscope("check", "--no-secrets", "--strict", "-c", str(tmp_path / "nephoscope.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr
