"""Every whole configuration in the pages is checked as a user would copy it."""

from pathlib import Path

import pytest

from support.clouds_index import FOLDER, blocks
from support.daemon import nephoscope

CONFIGURATION = FOLDER.parent / "configuration.md"
WHOLE = [
    pytest.param(text, page == CONFIGURATION, id=f"{page.stem}-{nth}")
    for page in (CONFIGURATION, *sorted(FOLDER.glob("*.md")))
    for nth, text in enumerate(blocks(page))
    if "targets:" in text
]


@pytest.mark.parametrize(("text", "strict"), WHOLE)
def test_each_whole_configuration_passes_check(text: str, strict: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a table
    """A cloud's page may leave objectives out that its targets would want."""
    (tmp_path / "nephoscope.yaml").write_text(text)
    flags = ["--strict"] if strict else []
    done = nephoscope("check", "--no-secrets", *flags, "-c", str(tmp_path / "nephoscope.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr
