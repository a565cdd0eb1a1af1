"""The system's clocks behind the protocol that tests replace."""

import time


class SystemClock:
    """The wall's and the monotonic clock, nanoseconds."""

    def wall_ns(self) -> int:
        return time.time_ns()

    def mono_ns(self) -> int:
        return time.monotonic_ns()
