"""The order for a drill: a small file in the state folder, written by a command and followed by the asker."""

import dataclasses
import fcntl
import json
import os
from pathlib import Path
from typing import Any, Final

from agent.errors import NephoscopeError
from storage.records import Drill

NAME: Final = "drill.json"

FAULTS: Final = ("hang", "outage", "refused", "throttled", "truncation")
"""What a target can be told to do; agent/asking/faulty.py does it."""


def ordered(state: Path) -> Drill | None:
    """Return the order that lies there, be it over or not; None where there is none, or nothing that can be read."""
    try:
        kept = json.loads((state / NAME).read_bytes())
        return Drill(**{field.name: _of(field.type, kept[field.name]) for field in dataclasses.fields(Drill)})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _of(kind: object, value: object) -> Any:
    """Return a value of the kind that it must be; ValueError for any other: whoever follows it must not trip over it."""
    if type(value) is not kind:
        raise ValueError(f"{value!r} is no {kind}")
    return value


def order(state: Path, drill: Drill) -> None:
    """Leave an order for the daemon of this state folder; raise where there is none, or one drills already."""
    if not is_watched(state):
        raise NephoscopeError(
            f"no daemon runs on the state folder {state}: a drill is asked for on the machine that probes "
            "(in its container, with the daemon's own configuration)"
        )
    before = ordered(state)
    if before is not None and before.until_ns > drill.since_ns:
        left_s = (before.until_ns - drill.since_ns) / 1e9
        raise NephoscopeError(
            f"a drill of {before.target} goes on for another {left_s:.0f} s; wait for its end"
        )
    new = state / f"{NAME}.new"
    try:
        with open(new, "w", encoding="utf-8", opener=_private) as file:
            json.dump(dataclasses.asdict(drill), file)
        new.replace(state / NAME)
    except OSError as failure:
        raise NephoscopeError(
            f"the order for a drill cannot be left in the state folder {state} ({failure.strerror}): run this as the "
            "user that the daemon runs as"
        ) from failure


def is_watched(state: Path) -> bool:
    """Return whether a daemon holds the state folder."""
    try:
        with (state / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        # Whether it runs cannot be told by somebody else's user; that the order cannot be left is told in its turn.
        return (state / "lock").exists()
    return False


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
