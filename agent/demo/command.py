"""`nephoscope demo`: simulated clouds, the daemon on them, and a few lines that say so."""

import argparse
import asyncio
import os
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO

from agent.child import ChildSpec
from agent.config.read import default_state_dir, load
from agent.demo import own_error
from agent.demo.configuration import configuration
from agent.demo.screen import first_screen
from agent.parent import Parent, state_folder

CONTROL_PORT = 9465
"""Where the faults of the simulated clouds are switched, if nobody else listens there; the clouds and the witness are beside it."""


def demo(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:  # noqa: ARG001 - every command takes both
    """Run the daemon on simulated clouds until a signal ends it; its state and database are its own."""
    folder = Path(args.state_dir or default_state_dir() / "demo")
    with state_folder(folder):
        control, clouds, witness = _free(CONTROL_PORT, CONTROL_PORT + 1, CONTROL_PORT + 2)
        file = folder / "nephoscope.yaml"
        file.write_text(configuration(folder, clouds, witness, args.listen, args.every))
        config = load(str(file))
        seed = () if args.seed is None else ("--seed", str(args.seed))
        simulator = ChildSpec(
            name="clouds",
            argv=(
                *("agent.demo.simulator", "--scenario", args.scenario),
                *("--clouds", str(clouds), "--witness", str(witness), "--control", str(control), *seed),
            ),
            first_line=_no_words,
            port=clouds,
        )
        log_args = ("--log-format", args.log_format, "--log-level", args.log_level)
        parent = Parent(config, log_args=log_args, extra=[simulator])

        def tell(lines: Iterable[str]) -> None:
            print(*lines, sep="\n", file=err, flush=True)

        async def run() -> int:
            screen = first_screen(config, file, args.scenario, control, os.environ)
            told = asyncio.create_task(own_error.tell(config.export, tell))
            try:
                return await parent.run(lambda: tell(screen))
            finally:
                told.cancel()

        return asyncio.run(run())


def _free(*ports: int) -> list[int]:
    """Return each port if nobody listens on it, else one that is free."""
    held = []
    for port in ports:
        probe = socket.socket()
        held.append(probe)
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            probe.bind(("127.0.0.1", 0))
    found = [int(probe.getsockname()[1]) for probe in held]
    for probe in held:
        probe.close()
    return found


def _no_words(_: int | None) -> dict[str, Any]:
    return {}
