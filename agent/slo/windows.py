"""The default burn windows, read from windows.yaml, and the lengths over which an objective is counted."""

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from ruamel.yaml import YAML

from exporters import durations


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BurnWindow:
    """Alert when `budget_share` of a period's budget goes within `long_s`, and still goes within `short_s`."""

    severity: Literal["page", "ticket"]
    long_s: float
    short_s: float
    budget_share: float

    @property
    def long(self) -> str:
        return durations.write(self.long_s)

    @property
    def short(self) -> str:
        return durations.write(self.short_s)

    @property
    def name(self) -> str:
        return f"{self.long}/{self.short} {self.severity}"


@functools.cache
def default() -> tuple[BurnWindow, ...]:
    """Return the default windows, the fastest first.

    >>> [window.name for window in default()]
    ['1h/5m page', '6h/30m page', '1d/2h ticket', '3d/6h ticket']
    """
    rows = YAML(typ="safe").load(Path(__file__).with_name("windows.yaml"))
    return tuple(
        BurnWindow(
            severity=row["severity"],
            long_s=durations.read(row["long"]),
            short_s=durations.read(row["short"]),
            budget_share=row["budget_share"],
        )
        for row in rows
    )


@functools.cache
def lengths_s(windows: tuple[BurnWindow, ...] = ()) -> tuple[float, ...]:
    """Return every length that the windows (the default ones unless given) look over, ascending, in seconds.

    >>> [durations.write(length) for length in lengths_s()]
    ['5m', '30m', '1h', '2h', '6h', '1d', '3d']
    """
    return tuple(
        sorted({length for window in windows or default() for length in (window.long_s, window.short_s)})
    )


@functools.cache
def counted(period_s: float) -> Mapping[str, float]:
    """Return what an evaluation counts over, Prometheus duration -> seconds: the burn windows and the period.

    >>> list(counted(28 * 86400))
    ['5m', '30m', '1h', '2h', '6h', '1d', '3d', '28d']
    """
    return named((*lengths_s(), period_s))


@functools.cache
def named(lengths: tuple[float, ...]) -> Mapping[str, float]:
    """Return lengths in seconds by their Prometheus durations, ascending; one that is told twice stands there once."""
    return {durations.write(length): length for length in sorted(lengths)}
