"""What Ctrl-C does while a command is still being imported."""

import contextlib
import os
import signal
from collections.abc import Iterator

INTERRUPTED = 130
"""The exit code, as shells have it: 128 and the number of SIGINT."""


@contextlib.contextmanager
def at_once() -> Iterator[None]:
    """Within, Ctrl-C ends the process there and then: nothing is open yet that wants closing.

    KeyboardInterrupt would come up in the midst of somebody's import, where it may be caught, turned into
    another error or told at length. Where Ctrl-C is ignored (nohup) or handled already, it stays so.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
