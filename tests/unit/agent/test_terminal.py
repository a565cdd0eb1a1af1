"""A hang-up of the terminal is told from a request to reload."""

import os
import subprocess
import sys

_SCRIPT = """
import os, signal, sys
from agent.terminal import Terminal
if sys.argv[1]:
    os.open(sys.argv[1], os.O_RDWR)  # the first terminal that a session's leader opens is its own
if sys.argv[2] == "nohup":
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
terminal = Terminal()
signal.signal(signal.SIGHUP, signal.SIG_IGN)
print(terminal.is_gone(), flush=True)
sys.stdin.readline()
print(terminal.is_gone(), flush=True)
"""


def gone(*, terminal: bool, how: str = "") -> list[str]:
    """Return what a process says of its terminal before and after that is closed."""
    master, slave = os.openpty()
    name = os.ttyname(slave) if terminal else ""
    process = subprocess.Popen(
        [sys.executable, "-c", _SCRIPT, name, how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    before = process.stdout.readline().strip()
    os.close(slave)
    os.close(master)
    after, _ = process.communicate("\n", timeout=30)
    return [before, after.strip()]


def test_a_terminal_that_is_closed_is_gone() -> None:
    assert gone(terminal=True) == ["False", "True"]


def test_under_nohup_the_terminals_end_means_nothing() -> None:
    assert gone(terminal=True, how="nohup") == ["False", "False"]


def test_a_service_without_a_terminal_loses_none() -> None:
    assert gone(terminal=False) == ["False", "False"]
