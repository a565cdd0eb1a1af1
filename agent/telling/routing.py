"""Which receivers are told of an alert, and which alerts make one message; pure."""

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic import TypeAdapter

from agent.config.model import Config, Route
from agent.config.whens import LABEL, fits
from exporters.signals import Notice
from storage.alert_readings import NoticeRow

GRID_NS: Final = 30 * 1_000_000_000
"""Tickets that a route groups are told at full half minutes, so that those of one cause come together; pages at once."""

_NOTICES: Final = TypeAdapter(Notice)


def rows(config: Config, notices: Iterable[Notice], now_ns: int) -> list[NoticeRow]:
    """Return what the outbox is to keep: a row for each receiver of each notice; none where Prometheus pages."""
    if config.engine != "agent":
        return []
    return [row for notice in notices for row in _rows(config, notice, now_ns)]


def stand_ins(config: Config, notice: Notice, refusing: Collection[str], now_ns: int) -> list[NoticeRow]:
    """Return rows for who is told of a page in the place of receivers that refuse it: as if those were not there."""
    said = dataclasses.replace(notice, facts={**notice.facts, "refused_by": ", ".join(sorted(refusing))})
    return list(_rows(config, said, now_ns, refusing))


def end(row: NoticeRow, notice: Notice, now_ns: int) -> NoticeRow:
    """Return the row that tells the end of what a row told, to whom that told it."""
    return dataclasses.replace(
        row,
        seq=notice.seq,
        ends=True,
        made_ns=now_ns,
        due_ns=now_ns,
        repeat_ns=None,
        payload=packed(notice),
    )


def _rows(config: Config, notice: Notice, now_ns: int, without: Collection[str] = ()) -> Iterator[NoticeRow]:
    route = routed(notice, config.routes, without)
    names = route.to if route is not None else tuple(one.name for one in config.receivers)
    group_by = route.group_by if route is not None else ()
    waits = bool(group_by) and notice.severity != "page"
    for receiver in (name for name in names if name not in without):
        yield NoticeRow(
            vantage=config.vantage,
            receiver=receiver,
            alert=notice.key,
            seq=notice.seq,
            ends=notice.state == "resolved",
            urgent=notice.severity == "page",
            bundle=_bundle(notice, group_by),
            made_ns=now_ns,
            due_ns=-(-now_ns // GRID_NS) * GRID_NS if waits else now_ns,
            repeat_ns=_repeat_ns(notice, route),
            payload=packed(notice),
        )


def _repeat_ns(notice: Notice, route: Route | None) -> int | None:
    """Return how often a notice is told again: what somebody has in hands, once."""
    if route is None or route.repeat_s is None or notice.acknowledged is not None:
        return None
    return round(route.repeat_s * 1e9)


def routed(notice: Notice, routes: Sequence[Route], without: Collection[str] = ()) -> Route | None:
    """Return the first route that takes a notice and has a receiver beside some; None where none does.

    Then every receiver is told: an alert that nobody is told of is worse than one that too many are told of.
    """
    fields = fields_of(notice)
    left = (route for route in routes if not set(route.to) <= set(without))
    return next((route for route in left if fits(route.when, fields)), None)


def fields_of(notice: Notice) -> dict[str, str]:
    """Return what routes see of an alert: its labels by their names and as `label.NAME`, and what it is."""
    labels = {f"{LABEL}{name}": value for name, value in notice.labels.items()}
    return {**notice.labels, **labels, "severity": notice.severity, "name": notice.name}


def _bundle(notice: Notice, group_by: tuple[str, ...]) -> str:
    if not group_by:
        return notice.key
    fields = fields_of(notice)
    return "\n".join(f"{name}={fields.get(name, '')}" for name in group_by)


def packed(notice: Notice) -> dict[str, Any]:
    """Return a notice as JSON has it."""
    found: dict[str, Any] = _NOTICES.dump_python(notice, mode="json")
    return found


def unpacked(payload: Mapping[str, Any]) -> Notice:
    """Return the notice of a payload; what a newer release wrote beside is left out."""
    return _NOTICES.validate_python(payload)
