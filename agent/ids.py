"""Ids that sort by time: UUIDv7 with a random tail."""

import os
import uuid
from collections.abc import Callable

from probes.base import Clock


def uuid7(clock: Clock, entropy: Callable[[int], bytes] = os.urandom) -> uuid.UUID:
    """Return 48 bits of UTC milliseconds, the version, and 74 random bits (RFC 9562, section 5.7).

    The last 8 bytes, which name the root span, hold 62 of the random bits.
    """
    milliseconds = clock.wall_ns() // 1_000_000
    tail = int.from_bytes(entropy(10), "big")
    bits = milliseconds << 80 | 0x7 << 76 | (tail >> 62 & 0xFFF) << 64 | 0b10 << 62 | tail & (1 << 62) - 1
    return uuid.UUID(int=bits)
