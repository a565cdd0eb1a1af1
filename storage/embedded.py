"""The embedded Postgres: where its data and its socket lie, and how it is started, adopted, watched and stopped."""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from storage import sockets
from storage.binaries import Account, EmbeddedError, account, runnable, shipped, version
from storage.sockets import NAME, Answer, answer_of, url_of

_LOG_LIMIT = 8 * 1024**2

SILENT_S = 10.0
"""How long a leftover server may stay silent before it is asked to stop; four times that, and it is killed."""


_SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "listen_addresses": "",
        "unix_socket_permissions": "0700",
        "cluster_name": NAME,
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_min_messages": "warning",
        "log_min_error_statement": "panic",
        "max_connections": "40",
        "shared_buffers": "64MB",
        "max_wal_size": "256MB",
        "min_wal_size": "32MB",
        # The asker shares the machine: no query may take the other core from it, nor compile before it runs.
        "max_parallel_workers_per_gather": "0",
        "jit": "off",
    }
)


class Server:
    """One Postgres over one folder, owned by whoever starts it.

    `folder` holds `data` (which the server's user owns), `log`, `socket` (a line that says where the socket
    is) and, where that user cannot read the installed programs, their copy. As root the server runs as `user`,
    `nobody` unless named. `binaries` is the bin folder of another Postgres, `settings` go to its command line.
    A call may block for as long as a recovery takes: `start` belongs in a thread where a loop must go on.
    """

    def __init__(
        self,
        folder: Path,
        user: str | None = None,
        *,
        binaries: Path | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder.absolute()
        self.data = self.folder / "data"
        self.process: subprocess.Popen[bytes] | None = None
        self.adopted = False
        self._user = user
        self._binaries = binaries
        self._settings = {**_SETTINGS, **(settings or {})}

    @property
    def pid(self) -> int | None:
        """Return the process id of the server that runs over the folder, ours or an earlier owner's."""
        if self.process:
            return self.process.pid if self.process.poll() is None else None
        return _postmaster(self.data)

    @property
    def url(self) -> str:
        """Return the SQLAlchemy URL; EmbeddedError where no server was started."""
        url = url_of(self.folder)
        if url is None:
            raise EmbeddedError(f"No embedded Postgres runs over {self.folder}: start one.")
        return url

    def start(self) -> None:
        """Start the server, or adopt the one that runs already, and wait until it answers.

        1. The folder and the programs are made ready, and the data where there are none.
        2. A server that an earlier owner left behind is adopted if it answers, else stopped.
        3. A recovery is waited for without limit; only the server's own end is a failure.
        """
        try:
            who = account(self._user)
            _make_folder(self.folder)
            with _locked(self.folder / "lock"):
                try:
                    self._start(who)
                except (OSError, EmbeddedError):
                    if _postmaster(self.data) is None:
                        sockets.clear(self.folder, sockets.read(self.folder))
                    raise
        except OSError as error:
            raise EmbeddedError(
                f"Starting the embedded Postgres in {self.folder} failed: {error}. "
                "Give it a folder on a local disk with room that this user may write, with `state_dir`."
            ) from error

    def alive(self) -> bool:
        """Say whether the server's process exists; `answer_of` says whether it takes connections."""
        return self.pid is not None

    def stop(self) -> None:
        """Stop fast: transactions in flight are rolled back, what was committed is on disk.

        A server that takes longer than 30 s is stopped without a checkpoint (it recovers at the next start).
        """
        place = sockets.read(self.folder)  # before Postgres removes its own note of it
        for sign, patience_s in ((signal.SIGINT, 30.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
            pid = self.pid
            if pid is None:
                break
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sign)
            if self._gone_within(patience_s):
                break
        self.process = None
        self.adopted = False
        sockets.clear(self.folder, place)

    def _start(self, who: Account) -> None:
        place = sockets.prepare(self.folder, who)
        binaries = runnable(self._binaries or shipped(), who, (self.folder, place))
        if not self.data.exists():
            _initialise(self.data, binaries, who)
        _check_data(self.data, binaries, who)
        if self.process:
            self.process.poll()  # one that was killed is reaped before it is forgotten
        self.process = None
        self.adopted = _settle_leftover(self.data)
        if not self.adopted:
            self._launch(binaries, place, who)
        pause_s = 0.01
        while (answer := answer_of(self.folder)) is not Answer.READY:
            if not self.alive():
                raise EmbeddedError(
                    f"The embedded Postgres in {self.folder} ended while starting: "
                    f"{_last_lines(self.folder / 'log')}"
                )
            if answer is Answer.NO_DATABASE:
                _create_database(binaries, sockets.read(self.folder) or place)
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, 0.5)  # each knock at a recovering server is a line in its log

    def _launch(self, binaries: Path, place: Path, who: Account) -> None:
        settings = {**self._settings, "unix_socket_directories": f'"{place}"'}
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with _log(self.folder / "log") as log, _opened(self.data, who) as (data, how):
            self._spare_bystanders(how["env"])
            self.process = subprocess.Popen(
                [binaries / "postgres", "-D", data, *flags], stdout=log, stderr=log, **how
            )

    def _spare_bystanders(self, environment: dict[str, str]) -> None:
        """Tell Postgres that the number in a stale postmaster.pid is not a server's.

        Another process of this user may have got it since, after a reboot or in a container, and Postgres would
        refuse to start. This is how pg_ctl says it; the check for orphans by shared memory stays.
        """
        if (recorded := _recorded(self.data / "postmaster.pid")) is not None:
            environment["PG_GRANDPARENT_PID"] = str(recorded)

    def _gone_within(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while self.alive():
            if time.monotonic() > end:
                return False
            time.sleep(0.01)
        return True


@contextlib.contextmanager
def _opened(data: Path, who: Account) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the data folder's name as a process of that account can use it, and what `subprocess` is told for it.

    A user without rights cannot walk down to a folder below a closed one (root's home, a private temporary
    folder). It need not: the process inherits the folder opened, and Linux lets it be named by that.
    """
    how = who.spawn() | {"cwd": "/"}
    if not (who.drops and Path("/proc/self/fd").exists()):
        yield str(data), how
        return
    opened = os.open(data, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{opened}", how | {"pass_fds": (opened,)}
    finally:
        os.close(opened)


def _initialise(data: Path, binaries: Path, who: Account) -> None:
    """Make the cluster beside its place and rename it, so that a killed attempt leaves no half of one."""
    making = Path(tempfile.mkdtemp(prefix="data.", dir=data.parent))
    try:
        if who.drops:
            os.chown(making, who.uid, who.gid)
        flags = [f"--username={NAME}", "--auth=trust", "--encoding=UTF8", "--locale=C", "--data-checksums"]
        with _opened(making, who) as (opened, how):
            done = subprocess.run(
                [binaries / "initdb", "-D", opened, *flags],
                check=False,
                capture_output=True,
                text=True,
                **how,
            )
        if done.returncode:
            raise EmbeddedError(
                f"Making the embedded Postgres in {data} failed: {' '.join(done.stderr.split())[-500:]}"
            )
        making.rename(data)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _check_data(data: Path, binaries: Path, who: Account) -> None:
    """Refuse data that another user owns or that another major version wrote."""
    owner = data.stat().st_uid
    if owner != who.uid:
        raise EmbeddedError(
            f"The embedded Postgres would run as {who.name}, but {data} belongs to user id {owner}: "
            "start as that user, give the folder to this one (chown -R), or choose another `state_dir`."
        )
    release = version(binaries, who) or "unknown"
    wrote = (data / "PG_VERSION").read_text().strip()
    if release.split(".")[0] != wrote:
        raise EmbeddedError(
            f"The data in {data} were written by Postgres {wrote}, and the programs are of release {release}, "
            f"which cannot read them: install the programs of {wrote}, dump with those and load with these, or "
            "move the folder away to begin anew."
        )


def _create_database(binaries: Path, place: Path) -> None:
    done = subprocess.run(
        [binaries / "createdb", "-h", place, "-U", NAME, "--maintenance-db=postgres", NAME],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise EmbeddedError(f"Creating the database {NAME} failed: {done.stderr.strip()}")


def _settle_leftover(data: Path) -> bool:
    """Say whether a server that somebody left behind can be adopted; one that never answers is stopped.

    It is given 10 s to answer, and any time while it says that it is starting up.
    """
    silent_since = time.monotonic()
    while (pid := _postmaster(data)) is not None:
        match answer_of(data.parent):
            case Answer.READY | Answer.NO_DATABASE:
                return True
            case Answer.STARTING:
                silent_since = time.monotonic()
        silence_s = time.monotonic() - silent_since
        with contextlib.suppress(ProcessLookupError):
            if silence_s > 4 * SILENT_S:
                os.kill(pid, signal.SIGKILL)
            elif silence_s > SILENT_S:
                os.kill(pid, signal.SIGINT)
        time.sleep(0.05)
    return False


def _postmaster(data: Path) -> int | None:
    """Return the process id of the server that runs over this data, from whoever started it.

    A number in a file is not enough to signal a process: it is a server's only where it stands in the data.
    """
    pid = _recorded(data / "postmaster.pid")
    if pid is None:
        return None
    if Path("/proc/self/cwd").exists():
        with contextlib.suppress(OSError):
            return pid if Path(f"/proc/{pid}/cwd").samefile(data) else None
        return None
    said = subprocess.run(
        ["ps", "-o", "command=", "-p", str(pid)], check=False, capture_output=True, text=True
    )
    return pid if str(data) in said.stdout else None


def _recorded(pid_file: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        return abs(int(pid_file.read_text().splitlines()[0]))
    return None


def _make_folder(folder: Path) -> None:
    """Make the folder, open to be entered: what is private in it is closed itself."""
    if not folder.exists():
        folder.mkdir(parents=True)
        folder.chmod(0o755)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let one process at a time start a server here; the lock ends with its holder."""
    with path.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _log(path: Path) -> Iterator[int]:
    if path.exists() and path.stat().st_size > _LOG_LIMIT:
        path.replace(path.with_suffix(".1"))
    with path.open("ab") as log:
        yield log.fileno()


def _last_lines(path: Path) -> str:
    with contextlib.suppress(OSError):
        return " ".join(path.read_text(errors="replace").split()[-60:]) or "nothing was logged."
    return "nothing was logged."
