"""`make run` on a fresh checkout, as an ordinary user with a Python of the system's."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from agent.demo.vendors import CLOUDS
from support.daemon import folder
from support.llm import free_port

ROOT = Path(__file__).parents[2]
SYSTEM_PYTHON = Path("/usr/bin/python3")
USER, GROUP = "nobody", "nogroup"


def checkout(into: Path) -> None:
    """Copy what git knows, uncommitted changes included, and hand it to the user."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in listed.decode().split("\0"):
        if name and (ROOT / name).exists():
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, into / name)
    subprocess.run(["chown", "-R", f"{USER}:{GROUP}", str(into)], check=True)


@pytest.mark.heavy
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.skipif(not SYSTEM_PYTHON.exists(), reason="no Python that another user may run")
def test_make_run_builds_and_runs_the_demo_for_an_ordinary_user() -> None:
    """From a bare checkout to a result of every cloud, and Ctrl-C leaves nothing behind."""
    with folder() as home:
        checkout(home)
        port = free_port()
        process = subprocess.Popen(
            ["make", "run", f"PYTHON={SYSTEM_PYTHON}", f"ARGS=--listen 127.0.0.1:{port}"],
            cwd=home,
            env={**os.environ, "HOME": str(home), "PATH": "/usr/bin:/bin"},
            user=USER,
            group=GROUP,
            extra_groups=[],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            seen = _clouds_seen(process, port, time.monotonic() + 200)
        finally:
            os.killpg(process.pid, signal.SIGINT)
            said, _ = process.communicate(timeout=60)
        assert seen == len(CLOUDS), said
        assert "SIMULATED" in said
        assert "stop.done" in said
        assert not list((home / ".local/state/nephoscope/demo/postgres/data").glob("postmaster.pid"))


def _clouds_seen(process: "subprocess.Popen[str]", port: int, deadline: float) -> int:
    """Wait until /metrics counts a good chat for each of the clouds; return how many it did."""
    seen = 0
    while seen < len(CLOUDS) and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.5)
        with contextlib.suppress(httpx.TransportError):
            lines = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=5).text.splitlines()
            good = [
                line
                for line in lines
                if "probe_results_total{" in line and 'outcome="ok",probe="chat"' in line
            ]
            seen = sum(not line.endswith(" 0.0") for line in good)
    return seen


@pytest.mark.parametrize(
    ("words", "there", "asked"),
    [
        ((), False, ["demo"]),
        ((), True, ["run"]),
        (("REAL=1",), False, ["init --found nephoscope.yaml", "run -c nephoscope.yaml"]),
        (("REAL=1",), True, ["check -c nephoscope.yaml", "run -c nephoscope.yaml"]),
    ],
)
def test_make_run_uses_credentials_only_where_it_is_asked_to(
    tmp_path: Path, words: tuple[str, ...], *, there: bool, asked: list[str]
) -> None:
    """A recorder stands in for the command: which words it gets is what make decides."""
    assert _made(tmp_path, words, there=there) == (0, asked)


def test_make_run_real_ends_where_no_credentials_are_found(tmp_path: Path) -> None:
    code, asked = _made(tmp_path, ("REAL=1",), there=False, ends_with=1)
    assert (code != 0, asked) == (True, ["init --found nephoscope.yaml"])


def _made(folder: Path, words: tuple[str, ...], *, there: bool, ends_with: int = 0) -> tuple[int, list[str]]:
    """Run `make run` in a folder with a built .venv; return its exit code and what the command was asked."""
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / "requirements").mkdir()
    for name in ("Makefile", "pyproject.toml", "requirements/clouds.txt"):
        shutil.copy(ROOT / name, folder / name)
    if there:
        (folder / "nephoscope.yaml").touch()
    command = folder / ".venv/bin/nephoscope"
    command.write_text(f'#!/bin/sh\necho "$@" >> asked\nexit {ends_with}\n')
    command.chmod(0o755)
    for built in (".venv/bin/python", ".venv/base.stamp"):
        (folder / built).touch()
    done = subprocess.run(["make", "-s", "run", *words], cwd=folder, capture_output=True, check=False)
    return done.returncode, (folder / "asked").read_text().splitlines()
