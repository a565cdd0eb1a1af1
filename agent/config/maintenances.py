"""Maintenance sections to announced maintenance: of whom, from when, how long, and what is wrong with that."""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from agent.config.context import Context
from agent.config.durations import shown
from agent.config.findings import Path
from agent.config.nearest import nearest
from agent.config.schema_judged import MaintenanceSection
from agent.config.sections import Entry, File
from agent.config.workloads import select
from agent.slo import recurring
from agent.slo.maintenance import LONGEST_S, Maintenance, first_local, over_ns, stretch_s
from agent.slo.recurring import BadRuleError
from exporters import durations

_YEARS: Final = range(2000, 2101)


def maintenances(context: Context, file: File) -> tuple[Maintenance, ...]:
    """Return what is announced; what can never be, or would be for ever, is an error."""
    found = (_maintenance(context, entry, file) for entry in file.maintenance or ())
    return tuple(one for one in found if one is not None)


def _maintenance(context: Context, entry: Entry[MaintenanceSection], file: File) -> Maintenance | None:
    section, path = entry.section, entry.path
    chosen = select(context, (*path, "targets"), section.targets, file.views, "target")
    start = _start(context, (*path, "start"), section.start)
    known = _zone(context, (*path, "timezone"), section.timezone)
    ruled = section.rrule is None or _rule(context, (*path, "rrule"), section.rrule)
    if start is None or not known or not ruled or not chosen:
        return None
    one = Maintenance(
        targets=tuple(view["name"] for view in chosen),
        start=start,
        timezone=section.timezone,
        for_s=section.for_,
        reason=section.reason,
        rrule=section.rrule,
    )
    _judge(context, path, one)
    return one


def _start(context: Context, path: Path, text: str) -> datetime | None:
    try:
        start = datetime.fromisoformat(text)
    except ValueError:
        context.findings.error(
            path, f'{shown(text)} is no day and time; write wall time, as in "2026-11-29T02:00"'
        )
        return None
    if start.tzinfo is not None:
        context.findings.error(
            path,
            f"{shown(text)} has an offset, which a zone does not keep over the year; write wall time, as in "
            f'"{start.replace(tzinfo=None).isoformat(timespec="minutes")}", and `timezone` beside it',
        )
        return None
    if "T" not in text and " " not in text.strip():
        context.findings.error(
            path, f'{shown(text)} has no time of day; write "{text}T02:00" for two in the morning'
        )
        return None
    if start.year not in _YEARS:
        context.findings.error(path, f"{shown(text)} is not between 2000 and 2100; mend the year")
        return None
    return start.replace(microsecond=0)


def _zone(context: Context, path: Path, name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        close = nearest(name, available_timezones())
        context.findings.error(
            path, f"{shown(name)} is no time zone{close or '; write one as in Europe/Berlin, or UTC'}"
        )
        return False
    return True


def _rule(context: Context, path: Path, text: str) -> bool:
    try:
        recurring.read(text)
    except BadRuleError as error:
        context.findings.error(path, str(error))
        return False
    return True


def _judge(context: Context, path: Path, one: Maintenance) -> None:
    first = first_local(one)
    ended_ns = over_ns(one)
    if first is None or ended_ns == 0:
        context.findings.error(
            (*path, "rrule"), "never comes: it ends before `start`, or no day of a calendar fits it; mend it"
        )
        return
    if first != one.start:
        context.findings.warn(
            (*path, "start"),
            f"{one.start:%Y-%m-%d %H:%M} is not one of the rule's own times, so the first is "
            f"{first:%Y-%m-%d %H:%M}; write that",
        )
    if stretch_s(one) > LONGEST_S:
        touching = (
            " is as long as the time from one occurrence to the next, or longer, so its targets"
            if one.for_s <= LONGEST_S
            else " is long: its targets"
        )
        context.findings.error(
            (*path, "for"),
            f"{durations.write(one.for_s)}{touching} would be in maintenance for more than "
            f"{durations.write(LONGEST_S)} without a break, and nothing of them would be told; shorten it, or take the "
            "targets out of the file",
        )
        return
    if ended_ns is None:
        return
    ended = datetime.fromtimestamp(ended_ns / 1e9, ZoneInfo(one.timezone))
    if ended.date() < context.today:
        context.findings.remind(
            path,
            f"was over on {ended:%Y-%m-%d}, and comes no more; what it covered is stored, so take it out",
        )
