"""Recurrence rules of RFC 5545 as wall time: what may be written, and when it comes again.

python-dateutil reads the rule and steps from one local time to the next; zones and instants are not its matter.
"""

import calendar
import dataclasses
import itertools
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

SECOND_NS: Final = 1_000_000_000
_FREQUENCIES: Final = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_TOO_OFTEN: Final = frozenset({"SECONDLY", "MINUTELY", "HOURLY"})
_NUMBERS: Final[Mapping[str, tuple[int, int]]] = {
    "INTERVAL": (1, 1000),
    "COUNT": (1, 10_000),
    "BYHOUR": (0, 23),
    "BYMONTH": (1, 12),
    "BYMONTHDAY": (1, 31),
    "BYYEARDAY": (1, 366),
    "BYWEEKNO": (1, 53),
    "BYSETPOS": (1, 366),
}
_LISTS: Final = frozenset(_NUMBERS) - {"INTERVAL", "COUNT"}
_SIGNED: Final = frozenset({"BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYSETPOS"})
"""Parts that count from the end too: BYMONTHDAY=-1 is the last day of a month."""

_DAY: Final = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_UNTIL: Final = re.compile(r"\d{8}T\d{6}Z?")
_LEAP_YEAR: Final = 2028
_KNOWN: Final = ("FREQ", "UNTIL", "BYDAY", "WKST", *_NUMBERS)
_SOON: Final = timedelta(days=40 * 366)
"""A rule that does not come within 40 years never comes: 29 February on a Sunday does within 28, or 40 over 2100."""


class BadRuleError(ValueError):
    """A rule cannot be used; the message is a sentence with the remedy."""


@dataclasses.dataclass(frozen=True, slots=True)
class Rule:
    """A rule that was read: `text` for python-dateutil, without the end; `until` is one of the two that may stand."""

    text: str
    counted: bool
    until_utc_ns: int | None = None
    until_local: datetime | None = None

    @property
    def ends(self) -> bool:
        return self.counted or self.until_utc_ns is not None or self.until_local is not None

    def starts(self, start: datetime, zone: ZoneInfo, until_ns: int) -> Iterator[tuple[datetime, int]]:
        """Yield local time and UTC nanoseconds of each occurrence before an instant, in the order of local time."""
        # Local time is a day from UTC at most, and the hour that a clock leaps over belongs to one side of it.
        last = datetime.fromtimestamp(until_ns // SECOND_NS, UTC).replace(tzinfo=None) + timedelta(days=2)
        for local in self._locals(start, last):
            at_ns = instant(local, zone)
            over = self.until_utc_ns is not None and at_ns > self.until_utc_ns
            if over or (self.until_local is not None and local > self.until_local):
                continue
            if at_ns < until_ns:
                yield local, at_ns

    def first(self, start: datetime) -> datetime | None:
        """Return the first local time that the rule knows from its start on; None where it never comes."""
        return next(self._locals(start, start + _SOON), None)

    def _locals(self, start: datetime, last: datetime) -> Iterator[datetime]:
        rule = rrulestr(self.text, dtstart=start)
        ends = [last] if self.until_local is None else [last, self.until_local]
        if self.until_utc_ns is not None:
            ends.append(
                datetime.fromtimestamp(self.until_utc_ns // SECOND_NS, UTC).replace(tzinfo=None)
                + timedelta(days=2)
            )
        if not self.counted:
            # With an end python-dateutil gives up there, also where nothing ever comes.
            rule = rule.replace(until=min(ends))
        yield from itertools.takewhile(lambda local: local <= min(ends), rule)


def instant(local: datetime, zone: ZoneInfo) -> int:
    """Return a wall time as UTC nanoseconds: the first of two where the clock goes back, shifted where it leaps.

    On 2026-03-29 Berlin's clock leaps from 2:00 to 3:00, so 2:30 is 3:30 there; on 2026-10-25 it is 2:30 twice.

    >>> berlin = ZoneInfo("Europe/Berlin")
    >>> for text in ("2026-03-29T02:30", "2026-10-25T02:30"):
    ...     print(datetime.fromtimestamp(instant(datetime.fromisoformat(text), berlin) / 1e9, UTC).isoformat())
    2026-03-29T01:30:00+00:00
    2026-10-25T00:30:00+00:00
    """
    return round(local.replace(tzinfo=zone, fold=0).timestamp()) * SECOND_NS


def read(text: str) -> Rule:
    """Return the rule of a text; BadRuleError where it is none, or comes more often than is of use.

    >>> read("FREQ=WEEKLY;BYDAY=SU;UNTIL=20271231T225959Z").ends
    True
    >>> read("FREQ=MINUTELY")
    Traceback (most recent call last):
    agent.slo.recurring.BadRuleError: FREQ=MINUTELY comes more than once a day; write FREQ=DAILY, with BYHOUR=0,6,12,18 for several times a day
    """
    parts = _parts(text)
    frequency = parts.get("FREQ")
    if frequency in _TOO_OFTEN:
        raise BadRuleError(
            f"FREQ={frequency} comes more than once a day; write FREQ=DAILY, with BYHOUR=0,6,12,18 for several "
            "times a day"
        )
    if frequency not in _FREQUENCIES:
        raise BadRuleError(f"says no FREQ that is known; write one of {', '.join(_FREQUENCIES)}")
    for key, value in parts.items():
        _judge(key, value, frequency)
    _judge_days(parts)
    if "UNTIL" in parts and "COUNT" in parts:
        raise BadRuleError("has UNTIL and COUNT, of which RFC 5545 allows one; take one out")
    kept = ";".join(f"{key}={value}" for key, value in parts.items() if key != "UNTIL")
    try:
        rrulestr(kept, dtstart=datetime(2026, 1, 1))  # noqa: DTZ001 - wall time
    except ValueError as error:
        raise BadRuleError(f"is no recurrence rule ({error}); write one as in FREQ=WEEKLY;BYDAY=SU") from None
    return Rule(kept, "COUNT" in parts, *_until(parts.get("UNTIL")))


def _parts(text: str) -> dict[str, str]:
    bare = text.strip().upper().removeprefix("RRULE:")
    if "DTSTART" in bare:
        raise BadRuleError("has DTSTART inside; write it as `start` and `timezone`, beside the rule")
    found: dict[str, str] = {}
    for part in bare.rstrip(";").split(";"):
        key, equals, value = part.partition("=")
        if not equals or not value:
            raise BadRuleError("is no recurrence rule; write KEY=VALUE with semicolons: FREQ=WEEKLY;BYDAY=SU")
        if key in {"BYMINUTE", "BYSECOND"}:
            raise BadRuleError(f"{key} is not for maintenance; the minute is that of `start`, so take it out")
        if key not in _KNOWN:
            raise BadRuleError(f"{key} is no part of a recurrence rule; there are {', '.join(_KNOWN)}")
        if key in found:
            raise BadRuleError(f"says {key} twice; keep one")
        found[key] = value
    return found


def _judge(key: str, value: str, frequency: str) -> None:
    """Raise where a part holds what it cannot: python-dateutil takes some of it and never comes."""
    if key in _NUMBERS:
        low, high = _NUMBERS[key]
        for one in value.split(",") if key in _LISTS else [value]:
            digits = one.removeprefix("-") if key in _SIGNED else one
            if not (digits.isascii() and digits.isdigit()) or not low <= int(digits) <= high:
                raise BadRuleError(f"{key}={value} is not from {low} to {high}; mend it")
    elif key == "BYDAY":
        for one in value.split(","):
            day = _DAY.fullmatch(one)
            if day is None:
                raise BadRuleError(f"BYDAY={value} names no days; write MO, TU, WE, TH, FR, SA or SU")
            if day[1] is not None and frequency not in {"MONTHLY", "YEARLY"}:
                raise BadRuleError(
                    f"BYDAY={one} counts days of a month; write FREQ=MONTHLY for it, or {day[2]}"
                )
    elif key == "UNTIL" and not _UNTIL.fullmatch(value):
        raise BadRuleError(f"UNTIL={value} is no instant; write it in UTC, as in UNTIL=20271231T225959Z")


def _judge_days(parts: Mapping[str, str]) -> None:
    """Raise where no month asked for has a day asked for: python-dateutil looks for it until the year 9999."""
    months, days = parts.get("BYMONTH"), parts.get("BYMONTHDAY")
    if months is None or days is None:
        return
    longest = max(calendar.monthrange(_LEAP_YEAR, int(month))[1] for month in months.split(","))
    if all(abs(int(day)) > longest for day in days.split(",")):
        raise BadRuleError(f"never comes: BYMONTH={months} has no BYMONTHDAY={days}; mend one of them")


def _until(value: str | None) -> tuple[int | None, datetime | None]:
    if value is None:
        return None, None
    try:
        local = datetime.strptime(value.removesuffix("Z"), "%Y%m%dT%H%M%S")  # noqa: DTZ007 - wall time, or UTC below
    except ValueError:
        raise BadRuleError(f"UNTIL={value} is no day or time of a calendar; mend it") from None
    if value.endswith("Z"):
        return round(local.replace(tzinfo=UTC).timestamp()) * SECOND_NS, None
    return None, local
