"""Ctrl-C at a moment that is chosen: when a module is about to be imported."""

import signal
import subprocess
import sys

import pytest

from agent import interrupts

PRESSED = """
import os, signal, sys

class Pressing:
    def find_spec(self, name, path=None, target=None):
        if name == MODULE:
            print("pressed", flush=True)
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Pressing())
signal.signal(signal.SIGINT, HANDLER)
from agent.cli import main
sys.exit(main(["check", "-c", "/there-is-none"]))
"""


def pressed(module: str, handler: str = "signal.default_int_handler") -> tuple[int, str, str]:
    text = PRESSED.replace("MODULE", repr(module)).replace("HANDLER", handler)
    done = subprocess.run(
        [sys.executable, "-P", "-c", text], capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    "module", ["agent.command", "argparse", "structlog", "rich", "agent.check", "pydantic"]
)
def test_an_interrupt_while_importing_ends_with_130_and_no_word(module: str) -> None:
    """Not by the signal, and without the traceback of whatever was being imported."""
    assert pressed(module) == (130, "pressed\n", "")


def test_an_ignored_interrupt_stays_ignored() -> None:
    """As under nohup: the command goes on to its own end."""
    code, out, err = pressed("structlog", "signal.SIG_IGN")
    assert (code, out) == (2, "pressed\n")
    assert "there is no such file" in err


def test_the_usual_interrupt_is_back_afterwards() -> None:
    """A command that has begun is told by KeyboardInterrupt, so that it can put its things away."""
    before = signal.getsignal(signal.SIGINT)
    with interrupts.at_once():
        pass
    assert signal.getsignal(signal.SIGINT) is before
