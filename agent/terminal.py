"""Whether a hang-up means what it says: the terminal is gone, and nobody asked for a reload."""

import os
import signal


class Terminal:
    """The terminal that this process was started from, if any; under nohup its end means nothing."""

    def __init__(self) -> None:
        self._matters = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN and _is_there()

    def is_gone(self) -> bool:
        return self._matters and not _is_there()


def _is_there() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
