"""A real Prometheus and its promtool on loopback, and a small page of counters for it to scrape."""

import contextlib
import http.server
import json
import shutil
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

needs_prometheus = pytest.mark.skipif(
    not (shutil.which("prometheus") and shutil.which("promtool")),
    reason="needs prometheus and promtool (Debian: apt-get install prometheus)",
)


def promtool(*arguments: str, cwd: Path) -> str:
    """Run promtool and return what it says; AssertionError with its words where it fails."""
    done = subprocess.run(
        ["promtool", *arguments], cwd=cwd, capture_output=True, text=True, timeout=800, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextlib.contextmanager
def page(text: Callable[[], str]) -> Iterator[int]:
    """Serve what `text` returns at /metrics on loopback; yields the port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = text().encode()
            self.send_response(200)
            self.send_header("content-type", "text/plain; version=0.0.4")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Prometheus:
    """A running server; its rules file may be replaced and read again."""

    def __init__(self, port: int) -> None:
        self._base = f"http://127.0.0.1:{port}"

    def get(self, path: str, **parameters: str) -> Any:
        """Return the `data` of an API answer."""
        query = f"?{urllib.parse.urlencode(parameters)}" if parameters else ""
        with urllib.request.urlopen(f"{self._base}/api/v1/{path}{query}", timeout=10) as answer:
            return json.load(answer)["data"]

    def over(self, expr: str, since_s: float, until_s: float, step_s: float) -> dict[float, list[float]]:
        """Return instant (unix seconds) -> the values that a query gives then; instants without any are missing."""
        rows = self.get("query_range", query=expr, start=str(since_s), end=str(until_s), step=str(step_s))
        found: dict[float, list[float]] = {}
        for row in rows["result"]:
            for at_s, value in row["values"]:
                found.setdefault(float(at_s), []).append(float(value))
        return found

    def query(self, expr: str) -> list[tuple[dict[str, str], float]]:
        """Return (labels, value) of an instant query."""
        rows = self.get("query", query=expr)["result"]
        return [(row["metric"], float(row["value"][1])) for row in rows]

    def until(self, expr: str, timeout_s: float = 25.0) -> list[tuple[dict[str, str], float]]:
        """Return what a query gives once it gives anything; AssertionError with the rules' health if it never does."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if rows := self.query(expr):
                return rows
            time.sleep(0.2)
        raise AssertionError(f"{expr} gave nothing within {timeout_s} s; unhealthy rules: {self.unhealthy()}")

    def rules(self) -> list[dict[str, Any]]:
        """Return every loaded rule with its health and last error."""
        return [rule for group in self.get("rules")["groups"] for rule in group["rules"]]

    def unhealthy(self) -> list[tuple[str, str]]:
        return [(rule["name"], rule["lastError"]) for rule in self.rules() if rule.get("lastError")]

    def reload(self) -> None:
        request = urllib.request.Request(f"{self._base}/-/reload", method="POST")
        with urllib.request.urlopen(request, timeout=10):
            return

    def is_ready(self) -> bool:
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(f"{self._base}/-/ready", timeout=5) as answer,
        ):
            return bool(answer.status == 200)
        return False


@contextlib.contextmanager
def prometheus(folder: Path, scraped: int, port: int, every: str = "500ms") -> Iterator[Prometheus]:
    """Run a Prometheus on loopback that scrapes a port and evaluates `folder`/rules.yaml; stopped by its own pid."""
    configuration = (
        f"global: {{scrape_interval: {every}, scrape_timeout: {every}, evaluation_interval: {every}}}\n"
        "rule_files: [rules.yaml]\n"
        "scrape_configs:\n"
        f'  - {{job_name: nephoscope, static_configs: [{{targets: ["127.0.0.1:{scraped}"]}}]}}\n'
    )
    with _running(folder, configuration, port) as server:
        yield server


@contextlib.contextmanager
def archive(folder: Path, port: int) -> Iterator[Prometheus]:
    """Run a Prometheus on loopback that only answers from the blocks under `folder`/data."""
    with _running(folder, "scrape_configs: []\n", port) as server:
        yield server


@contextlib.contextmanager
def _running(folder: Path, configuration: str, port: int) -> Iterator[Prometheus]:
    (folder / "prometheus.yaml").write_text(configuration)
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={folder / 'prometheus.yaml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--storage.tsdb.retention.time=10y",
                "--web.enable-lifecycle",
                "--enable-feature=exemplar-storage",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        server = Prometheus(port)
        _wait(process, server, folder / "prometheus.log")
        yield server
    finally:
        process.terminate()
        process.wait(20)


def _wait(process: subprocess.Popen[bytes], server: Prometheus, log: Path) -> None:
    deadline = time.monotonic() + 20
    while not server.is_ready():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
