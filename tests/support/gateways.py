"""Real gateways on loopback, each in an environment of its own that `make test-all` builds: LiteLLM's and Portkey's."""

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import httpx
import pytest

from support.daemon import lines, nephoscope
from support.llm import free_port

ROOT = Path(__file__).parents[2]
LITELLM = ROOT / ".parts" / "litellm" / "bin" / "litellm"
PORTKEY = (
    ROOT / ".parts" / "portkey" / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
)
MASTER_KEY = "sk-4f1c9a7e2b8d6035e1a4c7f09b3d5826"

_IN_CI = os.environ.get("CI") == "true"
"""There a missing part is a failure: a skip would hide that nothing is tested."""

needs_litellm = pytest.mark.skipif(
    not (LITELLM.exists() or _IN_CI), reason="needs LiteLLM's proxy (make test-all installs it)"
)
needs_portkey = pytest.mark.skipif(
    not ((PORTKEY.exists() and shutil.which("node")) or _IN_CI),
    reason="needs node and Portkey's gateway (Debian: apt-get install nodejs npm; make test-all installs the rest)",
)


@contextlib.contextmanager
def litellm(folder: Path, config: str) -> Iterator[str]:
    """Serve LiteLLM's proxy on a configuration and yield its base URL; it ends with the block."""
    assert LITELLM.exists(), "LiteLLM's proxy is not installed: run make test-all, which installs it"
    (folder / "litellm.yaml").write_text(config)
    port = free_port()
    command = [str(LITELLM), "--config", str(folder / "litellm.yaml"), "--host", "127.0.0.1"]
    command += ["--port", str(port), "--telemetry", "False"]
    # Without the flag it asks the network for its table of prices.
    env = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    with _served(
        folder / "litellm.log", command, env, f"http://127.0.0.1:{port}", "/health/liveliness"
    ) as base:
        yield base


@contextlib.contextmanager
def portkey(folder: Path) -> Iterator[str]:
    """Serve Portkey's gateway and yield its base URL; it ends with the block."""
    assert PORTKEY.exists(), "Portkey's gateway is not installed: run make test-all where node and npm are"
    port = free_port()
    loopback = ROOT / "tests" / "portkey" / "loopback.cjs"
    command = ["node", "--require", str(loopback), str(PORTKEY), "--headless", f"--port={port}"]
    with _served(folder / "portkey.log", command, {}, f"http://127.0.0.1:{port}", "/") as base:
        yield base


@contextlib.contextmanager
def _served(
    log: Path, command: Sequence[str], env: Mapping[str, str], base: str, health: str
) -> Iterator[str]:
    """Run a server of which nothing of our environment is known, until the block ends; stopped by its own id."""
    with log.open("wb") as said:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            cwd=log.parent,
            env={"PATH": os.environ["PATH"], "HOME": str(log.parent), **env},
        )
    try:
        _wait(process, base + health, log)
        yield base
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + 400
    while time.monotonic() < deadline:
        assert process.poll() is None, f"it ended early:\n{log.read_text(errors='replace')[-4000:]}"
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(url, timeout=5, trust_env=False).status_code == 200:
                return
        time.sleep(0.2)
    raise AssertionError(f"it did not come up within 400 s:\n{log.read_text(errors='replace')[-4000:]}")


def probed(folder: Path, targets: Sequence[str], *kinds: str) -> dict[tuple[str, str], dict[str, object]]:
    """Return what the installed command says of these targets, by target and kind of probe."""
    config = folder / "nephoscope.yaml"
    probes = ", ".join(
        f"{{name: {kind}, kind: {kind}, max_tokens: 16, first_token: 30s, timeout: 60s}}"
        if kind == "chat"
        else f"{{name: {kind}, kind: {kind}, timeout: 60s}}"
        for kind in kinds or ("chat",)
    )
    entries = "".join(f"  - {target}\n" for target in targets)
    config.write_text(f"vantage: test\nstate_dir: {folder}/state\ntargets:\n{entries}probes: [{probes}]\n")
    done = nephoscope("once", "-c", str(config), "--json", env={"GATEWAY_KEY": MASTER_KEY}, timeout=180)
    assert done.returncode in {0, 1}, done.stderr
    assert MASTER_KEY not in done.stdout + done.stderr
    return {(row["target"], row["kind"]): row for row in lines(done.stdout)}
