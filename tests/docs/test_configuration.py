"""Every whole configuration in the pages is checked as a user would copy it."""

from pathlib import Path

import pytest

from support.clouds_index import FOLDER, blocks
from support.daemon import nephoscope

PAGES = [FOLDER.parent / "configuration.md", *sorted(FOLDER.glob("*.md"))]
WHOLE = [
    pytest.param(text, id=f"{page.stem}-{nth}")
    for page in PAGES
    for nth, text in enumerate(blocks(page))
    if "targets:" in text
]


@pytest.mark.parametrize("text", WHOLE)
def test_each_whole_configuration_passes_check(text: str, tmp_path: Path) -> None:
    (tmp_path / "nephoscope.yaml").write_text(text)
    done = nephoscope("check", "--no-secrets", "--strict", "-c", str(tmp_path / "nephoscope.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr
