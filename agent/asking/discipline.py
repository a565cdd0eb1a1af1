"""How far the wall clock is off, as the kernel's own time discipline says."""

import ctypes
import sys
from typing import Final

_UNSYNCHRONISED: Final = 0x0040  # STA_UNSYNC
_NANOSECONDS: Final = 0x2000  # STA_NANO


class _Timex(ctypes.Structure):
    """struct timex (linux/timex.h) up to what is read here; the kernel fills 208 bytes."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_long * 32),
    )


def clock_offset_s() -> float | None:
    """Return what the discipline still has to correct, seconds; None where nothing disciplines the clock or tells.

    Source: adjtimex(2) in mode 0, which needs no privilege.
    """
    if sys.platform != "linux":
        return None
    try:
        adjtimex = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, AttributeError):
        return None
    told = _Timex()
    return offset_s(told.offset, told.status) if adjtimex(ctypes.byref(told)) >= 0 else None


def offset_s(offset: int, status: int) -> float | None:
    """Return the offset in seconds, by its status.

    >>> offset_s(1_500, 0), offset_s(-1_500_000, 0x2001), offset_s(0, 0x0040)
    (0.0015, -0.0015, None)
    """
    if status & _UNSYNCHRONISED:
        return None
    return offset / (1e9 if status & _NANOSECONDS else 1e6)
