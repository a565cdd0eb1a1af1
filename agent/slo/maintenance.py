"""Maintenance: when a plan announces that what is seen of targets counts neither way, as stretches of UTC."""

import dataclasses
import functools
import hashlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from agent.slo.recurring import SECOND_NS, Rule, instant, read

DAY_NS: Final = 86400 * SECOND_NS
LONGEST_S: Final = 31 * 86400.0
"""What is away for longer is not worked on but gone, and belongs out of the file."""

_LOOKED_AT_NS: Final = 366 * DAY_NS
"""A year of occurrences tells whether a rule leaves time between them."""

_FAR: Final = round(datetime(2200, 1, 1, tzinfo=UTC).timestamp()) * SECOND_NS


class Span(NamedTuple):
    """[since, until) in UTC nanoseconds."""

    since_ns: int
    until_ns: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    """Work on some targets that is announced: once, or again and again by a rule of RFC 5545.

    `start` is wall time in `timezone`, and so is what the rule makes of it: two o'clock stays two o'clock when the
    clocks change. Each occurrence lasts `for_s` seconds, whatever the clock does meanwhile.
    """

    targets: tuple[str, ...]
    start: datetime
    timezone: str
    for_s: float
    reason: str
    rrule: str | None = None

    @property
    def length_ns(self) -> int:
        return round(self.for_s * 1e9)


def occurrences(one: Maintenance, since_ns: int, until_ns: int) -> list[Span]:
    """Return the occurrences that touch [since, until), whole, sorted; they may overlap.

    >>> weekly = Maintenance(targets=("vllm",), start=datetime(2026, 10, 18, 2), timezone="Europe/Berlin",
    ...                      for_s=7200.0, reason="upgrades", rrule="FREQ=WEEKLY;BYDAY=SU")
    >>> until_ns = round(datetime(2026, 11, 2, tzinfo=UTC).timestamp()) * SECOND_NS
    >>> for span in occurrences(weekly, 0, until_ns):  # the clock goes back on 25 October
    ...     print(*(datetime.fromtimestamp(edge / 1e9, UTC).strftime("%d %b %H:%M") for edge in span))
    18 Oct 00:00 18 Oct 02:00
    25 Oct 00:00 25 Oct 02:00
    01 Nov 01:00 01 Nov 03:00
    """
    spans = (Span(at_ns, at_ns + one.length_ns) for at_ns in _starts(one, until_ns))
    return sorted(span for span in spans if span.until_ns > since_ns)


def covered(one: Maintenance, since_ns: int, until_ns: int) -> list[Span]:
    """Return what of [since, until) is maintenance: disjoint stretches, sorted."""
    return clipped(merged(occurrences(one, since_ns, until_ns)), since_ns, until_ns)


def merged(spans: Iterable[Span]) -> list[Span]:
    """Return the same time in as few stretches as there can be, sorted.

    >>> merged([Span(5, 9), Span(0, 2), Span(2, 4), Span(6, 7)])
    [Span(since_ns=0, until_ns=4), Span(since_ns=5, until_ns=9)]
    """
    found: list[Span] = []
    for span in sorted(span for span in spans if span.since_ns < span.until_ns):
        if found and span.since_ns <= found[-1].until_ns:
            found[-1] = Span(found[-1].since_ns, max(found[-1].until_ns, span.until_ns))
        else:
            found.append(span)
    return found


def clipped(spans: Iterable[Span], since_ns: int, until_ns: int) -> list[Span]:
    """Return what of the spans lies in [since, until)."""
    found = (Span(max(span.since_ns, since_ns), min(span.until_ns, until_ns)) for span in spans)
    return [span for span in found if span.since_ns < span.until_ns]


def current(one: Maintenance, at_ns: int) -> Span | None:
    """Return the occurrence that holds at an instant, of several the one that ends last."""
    return max(
        (span for span in of_day(one, at_ns // DAY_NS) if span.since_ns <= at_ns < span.until_ns),
        key=lambda span: span.until_ns,
        default=None,
    )


@functools.lru_cache(maxsize=4096)
def of_day(one: Maintenance, day: int) -> tuple[Span, ...]:
    """Return the occurrences that touch a UTC day, counted from 1970; every settled slot asks for its own."""
    return tuple(occurrences(one, day * DAY_NS, (day + 1) * DAY_NS))


def over_ns(one: Maintenance) -> int | None:
    """Return when the last occurrence is over; None where there is no last one."""
    if one.rrule is not None and not _rule(one.rrule).ends:
        return None
    return max((at_ns + one.length_ns for at_ns in _starts(one, _FAR)), default=0)


def stretch_s(one: Maintenance) -> float:
    """Return the longest time without a break, in seconds, in the first year of its occurrences: they may touch.

    >>> daily = Maintenance(targets=("vllm",), start=datetime(2026, 10, 18, 2), timezone="UTC", for_s=86400.0,
    ...                     reason="upgrades", rrule="FREQ=DAILY;COUNT=3")
    >>> stretch_s(daily) / 86400, stretch_s(dataclasses.replace(daily, for_s=3600.0)) / 86400 * 24
    (3.0, 1.0)
    """
    first_ns = next(_starts(one, _FAR), 0)
    spans = (Span(at_ns, at_ns + one.length_ns) for at_ns in _starts(one, first_ns + _LOOKED_AT_NS))
    return max((span.until_ns - span.since_ns for span in merged(spans)), default=0) / SECOND_NS


def first_local(one: Maintenance) -> datetime | None:
    """Return the wall time of the first occurrence; None where the rule never comes."""
    return one.start if one.rrule is None else _rule(one.rrule).first(one.start)


def key_of(one: Maintenance, span: Span) -> str:
    """Return the name of an occurrence, the same in every process that knows the plan."""
    said = (one.start.isoformat(), one.timezone, one.rrule, one.for_s, span.since_ns)
    return "plan-" + hashlib.blake2b(repr(said).encode(), digest_size=5).hexdigest()


@functools.lru_cache(maxsize=1024)
def _rule(text: str) -> Rule:
    return read(text)


def _starts(one: Maintenance, until_ns: int) -> Iterator[int]:
    """Yield when occurrences begin before an instant, in the order of their wall time."""
    zone = ZoneInfo(one.timezone)
    if one.rrule is not None:
        yield from (at_ns for _, at_ns in _rule(one.rrule).starts(one.start, zone, until_ns))
    elif (at_ns := instant(one.start, zone)) < until_ns:
        yield at_ns
