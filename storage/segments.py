"""How journal records lie in segment files: framing, names, and finding the next sound record."""

import os
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal, NamedTuple

from storage.records import Kind

Series = Literal["good", "rest"]
SERIES: Final[tuple[Series, ...]] = ("good", "rest")

SEGMENT_BYTES: Final = 16 * 1024**2
"""A segment is closed rather than grown beyond it."""

MAX_BODY: Final = 8 * 1024**2
"""Bytes of kind and payload together; a length beyond it can only be damage."""

_HEADER: Final = struct.Struct(">IIQ")  # length of the body, crc32 of what follows it, sequence
_CHECKED_FROM: Final = 8
_KINDS: Final = re.compile(b"(?:" + b"|".join(kind.value.encode() for kind in Kind) + b") ")


class Framed(NamedTuple):
    """One sound record as it lies in a file; `end` is the offset behind it."""

    seq: int
    kind: str
    payload: bytes
    end: int


def frame(seq: int, kind: str, payload: bytes) -> bytes:
    """Return length, crc32, sequence and the body: kind, a space, payload."""
    body = kind.encode() + b" " + payload
    crc = zlib.crc32(body, zlib.crc32(seq.to_bytes(8, "big")))
    return _HEADER.pack(len(body), crc, seq) + body


def sound_at(data: bytes, at: int) -> Framed | None:
    """Return the record at an offset, or None where there is no whole and undamaged one.

    >>> sound_at(frame(7, "beat", b"{}"), 0)
    Framed(seq=7, kind='beat', payload=b'{}', end=23)
    >>> sound_at(frame(7, "beat", b"{}")[:-1], 0)
    """
    start = at + _HEADER.size
    if len(data) < start:
        return None
    length, crc, seq = _HEADER.unpack_from(data, at)
    end = start + length
    if length > MAX_BODY or end > len(data) or zlib.crc32(data[at + _CHECKED_FROM : end]) != crc:
        return None
    kind, _, payload = data[start:end].partition(b" ")
    return Framed(seq, kind.decode(errors="replace"), payload, end)


def sound_run(data: bytes, at: int = 0) -> Iterator[Framed]:
    """Yield records from an offset up to the first that is not sound."""
    while (framed := sound_at(data, at)) is not None:
        yield framed
        at = framed.end


def next_sound(data: bytes, at: int) -> int | None:
    """Return the offset of the first sound record at or after an offset; the kinds' names are the way marks."""
    for match in _KINDS.finditer(data, at + _HEADER.size):
        start = match.start() - _HEADER.size
        if sound_at(data, start) is not None:
            return start
    return None


def segment_path(folder: Path, series: Series, first: int) -> Path:
    return folder / f"{series}-{first}"


def segment_firsts(folder: Path, series: Series) -> list[int]:
    """Return the first sequence numbers of a series' segments, ascending; none where there is no folder."""
    prefix = f"{series}-"
    try:
        names = [path.name for path in folder.iterdir()]
    except FileNotFoundError:
        return []
    return sorted(
        int(name.removeprefix(prefix))
        for name in names
        if name.startswith(prefix) and name.removeprefix(prefix).isdecimal()
    )


def cut_torn_tail(folder: Path, series: Series) -> tuple[int, bool]:
    """Return a series' last sequence number, and whether a half-written record was cut off behind it."""
    firsts = segment_firsts(folder, series)
    if not firsts:
        return 0, False
    path = segment_path(folder, series, firsts[-1])
    data = path.read_bytes()
    last, end, at = firsts[-1] - 1, 0, next_sound(data, 0)
    while at is not None:
        for framed in sound_run(data, at):
            last, end = framed.seq, framed.end
        at = next_sound(data, end)
    if end == len(data):
        return last, False
    os.truncate(path, end)
    return last, True
