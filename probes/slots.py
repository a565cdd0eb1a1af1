"""The slot grid: a probe of a target is due at epoch + phase + k * every, on every agent alike."""

import hashlib


def phase_ns(probe: str, group: str, every_ns: int) -> int:
    """Return the slot grid's offset in nanoseconds, a whole number of milliseconds.

    It depends on neither vantage nor process: any agent computes the same slots (architecture.md, decision 1).

    >>> 0 <= phase_ns("chat", "nano", 30_000_000_000) < 30_000_000_000
    True
    """
    digest = hashlib.blake2b(f"{probe}\0{group}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % (every_ns // 1_000_000) * 1_000_000


def first_slot(every_ns: int, phase_ns: int, at_ns: int) -> int:
    """Return the first slot at or after an instant.

    >>> first_slot(30, 7, 37), first_slot(30, 7, 38)
    (37, 67)
    """
    return at_ns + (phase_ns - at_ns) % every_ns


def slots_between(every_ns: int, phase_ns: int, since_ns: int, until_ns: int) -> int:
    """Return how many slots lie in [since, until).

    >>> slots_between(30, 7, 0, 60), slots_between(30, 7, 7, 37), slots_between(30, 7, 60, 0)
    (2, 1, 0)
    """
    return max(0, (until_ns - phase_ns - 1) // every_ns - (since_ns - phase_ns - 1) // every_ns)
