"""The expanded plan as a file of the state folder, by which parent and children agree on it."""

import os
import tempfile
from pathlib import Path

from agent.config.model import Config
from agent.errors import NephoscopeError


def path_of(state_dir: str, config_hash: str) -> Path:
    return Path(state_dir) / "config" / f"{config_hash}.json"


def write(config: Config) -> Path:
    """Write the plan under its hash, whole or not at all, readable by its owner alone; return where."""
    path = path_of(config.state_dir, config.hash)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A temporary file of mode 0600, in the same folder so that the rename cannot cross file systems.
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".plan-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(config.encode())
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise NephoscopeError(
            f"the plan cannot be written to {path.parent} ({error.strerror}); make room there, or set state_dir"
        ) from error
    return path


def read(path: Path) -> Config:
    """Return the plan that `write` wrote."""
    try:
        return Config.decode(path.read_bytes())
    except OSError as error:
        raise NephoscopeError(
            f"the plan {path} cannot be read ({error.strerror}); start the daemon again"
        ) from error
    except ValueError as error:
        raise NephoscopeError(
            f"the plan {path} is not one that this version wrote; delete it and start the daemon again"
        ) from error
