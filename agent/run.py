"""`nephoscope run`: the daemon, until a signal ends it."""

import argparse
import asyncio
import functools
import os
from pathlib import Path
from typing import TextIO

from agent.config.read import load_all, read
from agent.parent import Parent, state_folder
from agent.reload import FileSource


def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:  # noqa: ARG001 - every command takes both
    """Run the daemon; return 0 after a clean SIGTERM."""
    loaded = load_all(args.config)
    config = loaded.config
    probes = sum(len(probe.targets) for probe in config.probes)
    with state_folder(Path(config.state_dir)):
        parent = Parent(
            config,
            log_args=("--log-format", args.log_format, "--log-level", args.log_level),
            source=FileSource(loaded, functools.partial(read, Path(args.config), os.environ)),
        )
        return asyncio.run(
            parent.run(
                lambda: print(
                    f"nephoscope: {probes} probes of {len(config.targets)} targets from {config.vantage}; "
                    f"metrics at http://{config.export.host}:{config.export.port}/metrics",
                    file=err,
                    flush=True,
                )
            )
        )
