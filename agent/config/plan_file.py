"""The expanded plan as a file of the state folder, by which parent and children agree on it."""

import contextlib
import os
import tempfile
from pathlib import Path

from agent.config.model import Config
from agent.errors import NephoscopeError


def plan_path(state_dir: Path, config_hash: str) -> Path:
    return state_dir / "config" / f"{config_hash}.json"


def write_plan(state_dir: Path, config: Config) -> Path:
    """Write the plan under its hash, whole or not at all, readable by its owner alone; return where."""
    path = plan_path(state_dir, config.hash)
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


def supersede(state_dir: Path, config_hash: str, *, now_s: float, keep_s: float) -> None:
    """Mark a plan as ended now (unix time), and remove those that ended longer ago than `keep_s`.

    A failure costs some room and nothing else, so none is raised.
    """
    ended = plan_path(state_dir, config_hash)
    with contextlib.suppress(OSError):
        os.utime(ended, (now_s, now_s))
    for path in ended.parent.glob("*.json"):
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < now_s - keep_s:
                path.unlink()


def read_plan(state_dir: Path, config_hash: str) -> Config:
    """Return the plan that `write_plan` wrote under this hash."""
    path = plan_path(state_dir, config_hash)
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
