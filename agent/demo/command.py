"""`nephoscope demo`: simulated clouds, the daemon on them, and a few lines that say so."""

import argparse
import asyncio
import json
import os
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TextIO

from agent.config.model import Config
from agent.config.read import default_state_dir, load
from agent.demo.scenario import CLOUDS, OUTAGE_AFTER_S, OUTAGE_OF, Cloud
from agent.parent import ChildSpec, Parent, state_folder
from probes import catalog

CLOUDS_PORT = 9465
"""Where the simulated clouds listen, if nobody else does."""


def demo(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:  # noqa: ARG001 - every command takes both
    """Run the daemon on simulated clouds until a signal ends it; its state and database are its own."""
    folder = Path(args.state_dir or default_state_dir() / "demo")
    with state_folder(folder):
        port = _free(CLOUDS_PORT)
        file = folder / "nephoscope.yaml"
        file.write_text(configuration(folder, port, args.listen))
        config = load(str(file))
        clouds = ChildSpec(
            name="clouds",
            argv=("agent.demo.clouds", "--port", str(port), "--scenario", args.scenario),
            first_line=_no_words,
        )
        log_args = ("--log-format", args.log_format, "--log-level", args.log_level)
        parent = Parent(config, log_args=log_args, extra=[clouds])
        return asyncio.run(
            parent.run(
                lambda: print(
                    *first_screen(config, args.scenario, os.environ), sep="\n", file=err, flush=True
                )
            )
        )


def configuration(folder: Path, clouds_port: int, listen: str) -> str:
    """Return the demo's configuration: one target a simulated cloud, probed often enough to watch."""
    targets = "\n".join(_target(cloud, clouds_port) for cloud in CLOUDS.values())
    return f"""# Written by `nephoscope demo`: simulated clouds on loopback.
vantage: demo
state_dir: {json.dumps(str(folder))}
export: {{listen: "{listen}"}}
targets:
{targets}
probes:
  - {{name: chat, kind: chat, every: 10s, first_token: 4s, stall: 4s, timeout: 8s, expect: {{contains: pong}}}}
  - {{name: models, kind: models, every: 30s, timeout: 5s}}
"""


def first_screen(config: Config, scenario: str, environ: Mapping[str, str]) -> Iterable[str]:
    """Yield what the user sees first: what is simulated, what was found and not used, where to look."""
    yield f"nephoscope demo ({scenario}): {len(config.targets)} SIMULATED clouds on loopback; every row says `simulated`."
    if scenario == "outage":
        yield f"After {OUTAGE_AFTER_S:.0f} s {OUTAGE_OF} starts to answer 503."
    usual = {name for provider in catalog.PROVIDERS.values() for name in provider.environment.values()}
    found = sorted(usual & environ.keys())
    if found:
        yield f"Found in the environment and not used: {', '.join(found)}. Real clouds take a nephoscope.yaml."
    yield f"Metrics: http://{config.export.host}:{config.export.port}/metrics   Ctrl-C ends it all, the database included."


def _target(cloud: Cloud, port: int) -> str:
    credentials = (
        ", credentials: {api_key: demo}"
        if cloud.provider in {"openai", "azure", "mistral", "deepseek", "qwen"}
        else ""
    )
    return (
        f'  - {{name: {cloud.name}, provider: {cloud.provider}, endpoint: "http://127.0.0.1:{port}/{cloud.name}", '
        f"model: {cloud.model}, region: {cloud.region}, proxy: none, simulated: true{credentials}}}"
    )


def _free(port: int) -> int:
    """Return the port if nobody listens on it, else one that is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _no_words(_: int | None) -> dict[str, Any]:
    return {}
