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
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

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

    def __init__(self, home: Path, config: str, *, port: int, env: Mapping[str, str] | None = None) -> None:
        self.home = home
        self.port = port
        self.file = home / "nephoscope.yaml"
        self.file.write_text(config)
        self.log = home / "daemon.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*COMMAND, "run", "-c", str(self.file), "--log-format", "json"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **(env or {})},
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
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        (found,) = [
            pid for pid in listed if f"agent.wiring.{name}" in Path(f"/proc/{pid}/cmdline").read_text()
        ]
        return int(found)

    def kill_child(self, name: str) -> None:
        os.kill(self.child(name), signal.SIGKILL)

    def stop(self, seconds: float = 60) -> int:
        """Send SIGTERM and return the exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(seconds)

    def said(self) -> str:
        return self.log.read_text(errors="replace")[-4000:]


@contextlib.contextmanager
def daemon(config: str, *, env: Mapping[str, str] | None = None) -> Iterator[Daemon]:
    """Run the daemon on a configuration; `{state}` and `{listen}` in it are filled in."""
    with folder() as home:
        port = free_port()
        text = config.replace("{state}", str(home / "state")).replace("{listen}", f"127.0.0.1:{port}")
        running = Daemon(home, text, port=port, env=env)
        try:
            yield running
        finally:
            try:
                running.stop()
            except subprocess.TimeoutExpired:
                running.process.kill()
                running.process.wait()


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.strip()]
