"""The embedded Postgres's socket: where it lies, how any process finds it, and what a knock at it brings."""

import contextlib
import enum
import errno
import os
import shutil
import socket
import stat
import tempfile
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from storage.binaries import Account

NAME = "nephoscope"
"""The server's superuser and its one database of ours."""

_SOCKET = ".s.PGSQL.5432"
_PATH_LIMIT = 103  # bytes; Linux allows 107, macOS 103


class Answer(enum.Enum):
    """What a knock at the socket brought."""

    READY = "ready"
    NO_DATABASE = "no database"
    STARTING = "starting up or shutting down"
    NONE = "none"


def url_of(folder: Path) -> str | None:
    """Return the SQLAlchemy URL of the server that runs over a folder, from any process; None where none does."""
    sockets = read(folder)
    return f"postgresql+psycopg://{NAME}@/{NAME}?host={quote(str(sockets))}" if sockets else None


def answer_of(folder: Path) -> Answer:
    """Knock at the server over a folder: a start-up message of the protocol, version 3.0, and what it answers."""
    sockets = read(folder)
    if sockets is None:
        return Answer.NONE
    greeting = b"\0\x03\0\0" + f"user\0{NAME}\0database\0{NAME}\0\0".encode()
    try:
        with socket.socket(socket.AF_UNIX) as knock, knock.makefile("rb") as answers:
            knock.settimeout(5.0)
            knock.connect(str(sockets / _SOCKET))
            knock.sendall((len(greeting) + 4).to_bytes(4, "big") + greeting)
            answer = _verdict(answers)
            with contextlib.suppress(OSError):  # after an error it has hung up already
                knock.sendall(b"X\0\0\0\x04")
    except OSError:
        return Answer.NONE
    return answer


def _verdict(answers: BinaryIO) -> Answer:
    """Read messages up to the one that decides: Z is "ready", E an error whose field C is its SQLSTATE.

    "You are who you say" comes before the server looks for the database, so it decides nothing.
    """
    while head := answers.read(5):
        body = answers.read(int.from_bytes(head[1:], "big") - 4)
        if head[:1] == b"Z":
            return Answer.READY
        if head[:1] == b"E":
            states = {b"C57P03": Answer.STARTING, b"C3D000": Answer.NO_DATABASE}
            return next((states[field] for field in body.split(b"\0") if field in states), Answer.READY)
    return Answer.NONE


def read(folder: Path) -> Path | None:
    """Return the socket's folder: as written beside the data, else (that file lost) as Postgres noted it."""
    with contextlib.suppress(OSError):
        return Path((folder / "socket").read_text())
    with contextlib.suppress(OSError, IndexError):
        return Path((folder / "data" / "postmaster.pid").read_text().splitlines()[4])
    return None


def prepare(folder: Path, who: Account) -> Path:
    """Return the private folder of the socket: the one used before while it is still ours, else a new one.

    A socket's path has little room, so it never lies under the data: the runtime folder of the user, else the
    temporary one.
    """
    before = read(folder)
    if before and _is_private(before) and before.lstat().st_uid == who.uid:
        return before
    runtime = os.environ.get("XDG_RUNTIME_DIR") if not who.drops else None
    for base in filter(None, (runtime, tempfile.gettempdir(), "/tmp", "/var/tmp")):  # noqa: S108 - mkdtemp inside
        path = Path(base) / f"{NAME}-12345678" / _SOCKET
        if len(os.fsencode(path)) > _PATH_LIMIT or '"' in base or not who.may_enter(Path(base)):
            continue
        with contextlib.suppress(OSError):
            made = Path(tempfile.mkdtemp(prefix=f"{NAME}-", dir=base))
            if who.drops:
                os.chown(made, who.uid, who.gid)
            making = folder / "socket.new"
            making.write_text(str(made))
            making.rename(folder / "socket")
            return made
    raise OSError(errno.EACCES, "no short private folder for the socket; set TMPDIR to one")


def clear(folder: Path, sockets: Path | None) -> None:
    """Remove what `prepare` made, and nothing else that a damaged file may have named."""
    (folder / "socket").unlink(missing_ok=True)
    if sockets is None or not sockets.name.startswith(f"{NAME}-") or not _is_private(sockets):
        return
    for copy in sockets.glob("binaries*"):
        shutil.rmtree(copy, ignore_errors=True)
    for leftover in (sockets / _SOCKET, sockets / f"{_SOCKET}.lock"):
        leftover.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        sockets.rmdir()


def _is_private(sockets: Path) -> bool:
    with contextlib.suppress(OSError):
        found = sockets.lstat()
        return stat.S_ISDIR(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o700
    return False
