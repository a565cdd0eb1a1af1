"""Where each reader of the journal stands: one number a reader under `state_dir/readers`, replaced by rename."""

import contextlib
import os
from pathlib import Path


def load_position(folder: Path, name: str) -> int | None:
    """Return the sequence number that a reader committed last; None where there is none that can be read."""
    try:
        return int((folder / name).read_text("ascii"))
    except (FileNotFoundError, ValueError):
        return None


def save_position(folder: Path, name: str, position: int) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = folder / f".{name}"
    with draft.open("w", encoding="ascii") as file:
        file.write(f"{position}\n")
        file.flush()
        os.fdatasync(file.fileno())
    draft.rename(folder / name)


def highest_position(folder: Path) -> int:
    """Return the furthest that any reader came, 0 where there is none: no sequence number up to it may return."""
    with contextlib.suppress(FileNotFoundError):
        return max((load_position(folder, path.name) or 0 for path in folder.iterdir()), default=0)
    return 0
