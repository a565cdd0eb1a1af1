"""A Secret as the kubelet mounts it: files are links through `..data` into a folder that is replaced whole."""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Self


class Mounted:
    """Each keyword is a file's name, its value the content; `swap` puts others in their place at once."""

    def __init__(self, folder: Path, **contents: str) -> None:
        self.swaps = 0
        self._folder = folder
        folder.mkdir(parents=True)
        self._put(contents)
        for name in contents:
            (folder / name).symlink_to(Path("..data") / name)

    @classmethod
    def of(cls, folder: Path) -> Self:
        """Return one that stands there already."""
        found = cls.__new__(cls)
        found.swaps, found._folder = 0, folder
        return found

    def swap(self, **contents: str) -> None:
        """Put these in the place of what is there, all at once, and throw the old away."""
        self.swaps += 1
        old = (self._folder / "..data").resolve()
        self._put(contents)
        shutil.rmtree(old)

    def _put(self, contents: Mapping[str, str]) -> None:
        new = Path(tempfile.mkdtemp(prefix="..2026_", dir=self._folder))
        new.chmod(0o755)
        for name, content in contents.items():
            (new / name).write_text(content)
        (self._folder / "..data_tmp").symlink_to(new.name)
        (self._folder / "..data_tmp").rename(self._folder / "..data")
