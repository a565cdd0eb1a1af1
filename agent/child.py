"""A child process of the daemon: started, told, watched, and started again when it fails."""

import asyncio
import contextlib
import dataclasses
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from agent.errors import ConfigError

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
HEALTHY_AFTER_S = 60.0
"""A child that lived this long is restarted without the back-off of earlier failures."""

ASKED_AFTER_S = 1.0
"""A process that died sooner has asked nothing: what the one before it left is still to be asked."""

LISTENS_S = 10.0

log = structlog.get_logger("parent")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ChildSpec:
    """A process of ours: its module's arguments, and the first line it reads from its pipe.

    `first_line` is given the wall instant (UTC nanoseconds) at which the process before it died, or None.
    `port` is one of loopback on which the process listens, where others wait for that. `env` is what its environment
    has besides ours, unless ours has it already.
    """

    name: str
    argv: tuple[str, ...]
    first_line: Callable[[int | None], dict[str, Any]]
    port: int | None = None
    env: Mapping[str, str] = dataclasses.field(default_factory=dict)


class Child:
    """Starts one process, and starts it again with back-off (1 s to 30 s) until it is told to stop."""

    def __init__(self, spec: ChildSpec) -> None:
        self.spec = spec
        self.process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        self._pause_s = FIRST_PAUSE_S

    async def keep_running(self) -> None:
        """Return only when stopped, or raise ConfigError where the child says that a setting is at fault."""
        died_ns: int | None = None
        while not self._stopping.is_set():
            started = time.monotonic()
            code = await self._run_once(died_ns)
            lived_s = time.monotonic() - started
            if died_ns is None or lived_s > ASKED_AFTER_S:
                died_ns = time.time_ns()
            if self._stopping.is_set():
                return
            if code == ConfigError.exit_code:
                raise ConfigError(
                    f"The {self.spec.name} could not start with these settings: see its message above."
                )
            if lived_s > HEALTHY_AFTER_S:
                self._pause_s = FIRST_PAUSE_S
            log.error("child.died", child=self.spec.name, exit_code=code, restart_in_s=self._pause_s)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._pause_s)
            self._pause_s = min(LONGEST_PAUSE_S, self._pause_s * 2)

    async def _run_once(self, died_ns: int | None) -> int:
        # -P: a folder named `agent` where the user happens to stand must not be taken for ours.
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", *self.spec.argv),
            stdin=asyncio.subprocess.PIPE,
            start_new_session=True,
            env={**self.spec.env, **os.environ},
        )
        if self._stopping.is_set():  # told while there was no process yet to be told
            self.kill()
        log.debug("child.started", child=self.spec.name, pid=self.process.pid)
        pipe = self.process.stdin
        assert pipe is not None  # noqa: S101 - asked for by stdin=PIPE
        pipe.write(json.dumps(self.spec.first_line(died_ns)).encode() + b"\n")
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            await pipe.drain()
        return await self.process.wait()

    async def heeds(self) -> None:
        """Return once the process listens on its port, or after 10 s: who calls it then sees what is wrong."""
        if self.spec.port is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LISTENS_S):
                while not await _listens(self.spec.port):  # noqa: ASYNC110 - another process tells no event
                    await asyncio.sleep(0.05)

    def tell(self, line: dict[str, Any]) -> None:
        """Write a line to the process; one that is yet to be started is told by its first line."""
        process = self.process
        if process is not None and process.returncode is None and process.stdin is not None:
            process.stdin.write(json.dumps(line).encode() + b"\n")

    async def stop(self, patience_s: float) -> int | None:
        """Send SIGTERM, wait, and kill what does not end in time; return the exit code."""
        self._stopping.set()
        process = self.process
        if process is None or process.returncode is not None:
            return process.returncode if process else None
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        ended, _ = await asyncio.wait([asyncio.ensure_future(process.wait())], timeout=patience_s)
        if not ended:
            log.error("child.killed", child=self.spec.name, after_s=patience_s)
            self.kill()
        return await process.wait()

    def kill(self) -> None:
        if self.process is not None and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
