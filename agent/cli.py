"""The entry of every command, which loads next to nothing before Ctrl-C is in hand."""

from collections.abc import Sequence
from typing import TextIO

from agent import interrupts


def main(argv: Sequence[str] | None = None, out: TextIO | None = None, err: TextIO | None = None) -> int:
    """Run one command and return its exit code; an error is one sentence on `err`."""
    try:
        with interrupts.at_once():
            from agent.command import run  # noqa: PLC0415 - takes a third of a second, in which people press Ctrl-C
        return run(argv, out, err)
    except KeyboardInterrupt:
        return interrupts.INTERRUPTED
