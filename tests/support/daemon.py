"""Drives the installed command: a daemon on a state folder of its own, and short commands."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import psycopg

from storage import embedded
from support.endpoint import Endpoint
from support.llm import free_port

COMMAND = [sys.executable, "-P", "-c", "import sys; from agent.cli import main; sys.exit(main())"]


def nephoscope(
    *arguments: str, env: Mapping[str, str] | None = None, timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
    )


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """Yield a folder that the embedded server's own user can pass through, which pytest's are not."""
    path = Path(tempfile.mkdtemp(prefix="nephoscope-test-"))
    path.chmod(0o711)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


class Daemon:
    """One `nephoscope run` (or `demo`) and what it tells."""

    def __init__(
        self,
        home: Path,
        command: Sequence[str],
        *,
        port: int,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.home = home
        self.port = port
        self.file = home / "nephoscope.yaml"
        self.log = home / "daemon.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*COMMAND, *command, "--log-format", "json"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=home,
                env={**os.environ, "HOME": str(home), **(env or {})},
            )

    @property
    def state(self) -> Path:
        return self.home / "state"

    def get(self, path: str, **kwargs: Any) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=5, **kwargs)

    def until(self, holds: Callable[[], bool], what: str, seconds: float = 60) -> None:
        """Wait for something that the daemon will bring about; the deadline only bounds a failing test."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self.process.poll() is None, f"the daemon ended early:\n{self.said()}"
            with contextlib.suppress(httpx.TransportError):
                if holds():
                    return
            time.sleep(0.2)
        raise AssertionError(f"not within {seconds} s: {what}\n{self.said()}")

    def until_ready(self) -> None:
        self.until(lambda: self.get("/readyz").status_code == 200, "ready")

    def metric(self, name: str, **labels: str) -> float:
        """Return the sum of a metric's samples that carry these labels; 0 where there is none."""
        total = 0.0
        response = self.get("/metrics")
        if response.status_code != 200:
            return 0.0
        for line in response.text.splitlines():
            if line.startswith((f"{name}{{", f"{name} ")) and all(
                f'{key}="{value}"' in line for key, value in labels.items()
            ):
                total += float(line.rsplit(" ", 1)[1])
        return total

    def child(self, name: str) -> int:
        """Return the process id of a child, `asker` or `teller`."""
        return self.process_of(f"agent.wiring.{name}")

    def process_of(self, module: str) -> int:
        """Return the process id of the child that runs a module."""
        listed = _children(self.process.pid)
        (found,) = [pid for pid in listed if module in Path(f"/proc/{pid}/cmdline").read_text()]
        return found

    def postmaster(self) -> int:
        return int((self.state / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[0])

    def backends(self) -> list[int]:
        """Return the process ids of the embedded server, its postmaster's first."""
        return [self.postmaster(), *_children(self.postmaster())]

    def until_gone(self, pids: Sequence[int], seconds: float = 60) -> None:
        """Wait for processes to end that nobody told to; what is left is killed, and the test fails."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not any(_lives(pid) for pid in pids):
                return
            time.sleep(0.2)
        left = [pid for pid in pids if _lives(pid)]
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        raise AssertionError(f"still there after {seconds} s: {left}\n{self.said()}")

    def kill_child(self, name: str) -> None:
        os.kill(self.child(name), signal.SIGKILL)

    def stop(self, seconds: float = 60) -> int:
        """Send SIGTERM and return the exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(seconds)

    def said(self, characters: int = 4000) -> str:
        return self.log.read_text(errors="replace")[-characters:]


@contextlib.contextmanager
def daemon(
    config: str,
    *,
    env: Mapping[str, str] | None = None,
    command: Sequence[str] = ("run",),
    prepare: Callable[[Path], object] = lambda _home: None,
) -> Iterator[Daemon]:
    """Run the daemon on a configuration, or the demo on its own; `{state}` and `{listen}` are filled in.

    `prepare` puts what else it needs into its folder.
    """
    with folder() as home:
        prepare(home)
        port = free_port()
        state, listen = str(home / "state"), f"127.0.0.1:{port}"
        (home / "nephoscope.yaml").write_text(config.replace("{state}", state).replace("{listen}", listen))
        more = ["--state-dir", state, "--listen", listen] if command[0] == "demo" else []
        running = Daemon(home, [*command, *more], port=port, env=env)
        try:
            yield running
        finally:
            try:
                running.stop()
            except subprocess.TimeoutExpired:
                running.process.kill()
                running.process.wait()


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _lives(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.strip()]


FEED = """
vantage: test
state_dir: {state}
export: {listen: "{listen}"}
"""
PROBES = "probes: [{name: chat, every: 2s, first_token: 1s, stall: 1s, timeout: 2s}]"


def configuration(served: Endpoint, *modes: str, probes: str = PROBES) -> str:
    """Return a configuration with one target for each way to answer."""
    targets = "\n".join(
        f'  - {{name: "t-{mode}", provider: openai-compatible, endpoint: "{served.base(mode)}", model: tiny-1}}'
        for mode in modes
    )
    return f"{FEED}{probes}\ntargets:\n{targets}\n"


SLOTS = """
    select t.name, count(*), count(distinct r.scheduled_at),
           round(extract(epoch from max(r.scheduled_at) - min(r.scheduled_at)))::int
    from results r join targets t on t.id = r.target_id where r.attempt = 0 group by 1 order by 1
"""


def ask(url: str, sql: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql")) as connection:
        return connection.execute(sql).fetchall()


def query(running: Daemon, sql: str) -> list[tuple[Any, ...]]:
    """Ask the database of a daemon that has ended: it is started once more for us."""
    server = embedded.Server(running.state / "postgres")
    server.start()
    try:
        return ask(server.url, sql)
    finally:
        server.stop()


def assert_whole(running: Daemon, every_s: int, targets: int) -> None:
    """Assert that every slot between the first and the last of each target is there, once."""
    _assert_whole(query(running, SLOTS), every_s, targets)


def assert_whole_in(url: str, every_s: int, targets: int) -> None:
    """Assert the same of a named database."""
    _assert_whole(ask(url, SLOTS), every_s, targets)


def _assert_whole(rows: list[tuple[Any, ...]], every_s: int, targets: int) -> None:
    assert len(rows) == targets
    for name, count, distinct, span_s in rows:
        assert count == distinct, f"{name}: some slot twice"
        assert span_s == (count - 1) * every_s, f"{name}: some slot missing"


def good(running: Daemon) -> float:
    """Return how many good results /metrics counts."""
    return running.metric("nephoscope_probe_results_total", outcome="ok")
