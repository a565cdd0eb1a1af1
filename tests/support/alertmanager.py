"""Real Alertmanagers on loopback, joined to a cluster, which tell a webhook of ours."""

import contextlib
import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.llm import free_port

BINARY = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager") or "prometheus-alertmanager"

needs_alertmanager = pytest.mark.skipif(
    shutil.which(BINARY) is None and os.environ.get("CI") != "true",
    reason="needs Alertmanager (Debian: apt-get install prometheus-alertmanager)",
)

_CONFIG = """
route: {{receiver: ours, group_by: [alertname, subject, severity], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}
receivers:
  - name: ours
    webhook_configs: [{{url: "{webhook}", send_resolved: true}}]
"""


class Alertmanager:
    """A running replica."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts that it holds as firing."""
        with urllib.request.urlopen(f"{self.url}/api/v2/alerts", timeout=10) as answer:
            found: list[dict[str, Any]] = json.load(answer)
        return found

    def is_ready(self) -> bool:
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(f"{self.url}/-/ready", timeout=5) as answer,
        ):
            return bool(answer.status == 200)
        return False


def until(holds: Callable[[], bool], what: str, timeout_s: float = 40.0) -> None:
    """Wait until something holds of a foreign process."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}"
        time.sleep(0.1)


@contextlib.contextmanager
def alertmanagers(folder: Path, webhook: str, replicas: int = 2) -> Iterator[list[Alertmanager]]:
    """Run replicas that know of each other; each is stopped by its own process id."""
    (folder / "alertmanager.yaml").write_text(_CONFIG.format(webhook=webhook))
    meeting = free_port()
    with contextlib.ExitStack() as stack:
        found = []
        for at in range(replicas):
            port = free_port()
            log = stack.enter_context((folder / f"alertmanager-{at}.log").open("wb"))
            process = subprocess.Popen(
                [
                    BINARY,
                    f"--config.file={folder / 'alertmanager.yaml'}",
                    f"--storage.path={folder / f'data-{at}'}",
                    f"--web.listen-address=127.0.0.1:{port}",
                    f"--cluster.listen-address=127.0.0.1:{meeting if at == 0 else free_port()}",
                    *([f"--cluster.peer=127.0.0.1:{meeting}"] if at else []),
                    "--cluster.peer-timeout=2s",
                    "--cluster.settle-timeout=5s",
                ],
                stdout=log,
                stderr=log,
            )
            stack.callback(_stop, process)
            found.append(Alertmanager(port))
        for at, one in enumerate(found):
            until(one.is_ready, (folder / f"alertmanager-{at}.log").read_text())
        yield found


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(20)
