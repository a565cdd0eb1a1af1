"""What references stand for now: environment variables, files, and files under the folder of secrets."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from agent.config.references import Reference

_TRIES = 3
"""A mounted Secret is swapped by a rename, and the old folder goes at once: its path is then looked up anew."""


class _State(NamedTuple):
    """What tells one content of a file from the next; a mounted Secret that was swapped is another file."""

    mtime_ns: int
    ctime_ns: int
    inode: int
    size: int


class Sources:
    """Looks references up at each use; a file is read again when it changed (4 us to know, 110 us to read).

    `folder` is where `${secret:a/b}` finds the file a/b, None where the configuration names no folder.
    """

    def __init__(self, environ: Mapping[str, str], folder: str | None = None) -> None:
        self._environ = environ
        self._folder = folder
        self._kept: dict[str, tuple[_State, str]] = {}

    def value(self, reference: Reference) -> str:
        """Return what a reference stands for; LookupError carries a sentence that names it and the remedy."""
        match reference.kind:
            case "variable":
                return self._variable(reference)
            case "file":
                return self._file(reference.name)
            case "secret":
                if self._folder is None:
                    raise LookupError(
                        f"`${{secret:{reference.name}}}` has no folder to be found in; "
                        "write secrets: {dir: /var/run/secrets/nephoscope}, say, at the top"
                    )
                return self._file(f"{self._folder}/{reference.name}", within=self._folder)

    def forget(self) -> None:
        """Have every file read anew at its next use, whether it looks changed or not."""
        self._kept.clear()

    def _variable(self, reference: Reference) -> str:
        found = self._environ.get(reference.name) or reference.default
        if not found and reference.default is None:
            state = "is empty" if reference.name in self._environ else "is not set"
            raise LookupError(f"the environment variable {reference.name} {state}; set it, or give a default")
        return found or ""

    def _file(self, path: str, within: str | None = None) -> str:
        state = _state(path)
        kept = self._kept.get(path)
        if kept is not None and kept[0] == state:
            return kept[1]
        self._kept.pop(path, None)
        secret = _content(path, within).removesuffix("\n").removesuffix("\r")
        if not secret:
            raise LookupError(f"the file {path} is empty; write the secret into it")
        if state is not None and _state(path) == state:  # else it was changed while it was read
            self._kept[path] = (state, secret)
        return secret


def _state(path: str) -> _State | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - at each probe
    except OSError:
        return None
    return _State(found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_size)


def _content(path: str, within: str | None) -> str:
    for left in reversed(range(_TRIES)):
        real = os.path.realpath(path)
        if within is not None and not real.startswith(os.path.realpath(within) + os.sep):
            raise LookupError(
                f"the file {path} is a link out of the folder of secrets; put the file itself there"
            )
        try:
            return Path(real).read_text(encoding="utf-8")
        except FileNotFoundError as error:
            if not left:
                raise _unreadable(path, str(error.strerror)) from None
        except OSError as error:
            raise _unreadable(path, error.strerror or str(error)) from None
        except ValueError:
            raise _unreadable(path, "it is not UTF-8 text") from None
    raise AssertionError("the last try returns or raises")


def _unreadable(path: str, reason: str) -> LookupError:
    return LookupError(f"the file {path} cannot be read ({reason}); write it, or mend path and permission")
