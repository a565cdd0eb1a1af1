"""An explanation as people read it: from what it says to every attempt behind it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from agent.explanation import Explanation
from agent.tables import columns
from agent.telling.alert_rows import revived
from agent.telling.notices import notice
from exporters import told, words
from probes.result import DRILL, MANUAL, SCHEDULED, ProbeResult
from storage.alert_readings import AlertRow, Delivery
from storage.readings import Attempt
from storage.records import Settled

PHASES: Final = ("dns_s", "connect_s", "tls_s", "ttfb_s", "ttft_s", "total_s")
COUNTED: Final = ("window", "good", "bad", "excluded", "invalid", "due", "burn", "least")
ROWS: Final = 100
"""Attempts that people are shown; --json has all."""

RULES: Final[Mapping[str, str]] = {
    "TargetDown": "a slot failed, and every confirmation over a fresh connection failed as well",
    "ServiceDown": "fewer units of the service are well than it needs, borne out by two targets, or for alerts.page.after",
    "ServiceBudgetBurn": "the budget went faster than the factor over the long window and still over the short one, "
    "on at least so many failures",
    "NetworkDown": "confirmed losses that are ours, no witness reached, and nothing that answered since",
    "AgentBlind": "more than a fifth of the answers of 5 minutes were spoilt by our own delay",
    "CredentialsRefused": "an identity that was accepted within a day is refused for 3 slots",
    "QuotaSpent": "a quota that was there within a day is spent for 3 slots",
    "WitnessSilent": "a witness has had no vote for 5 minutes",
}


def lines(found: Explanation) -> Iterator[str]:
    """Yield the text; instants are UTC."""
    alert = found.alert
    said = notice(revived(alert), alert.seq)
    yield told.head(said)
    yield words.one_line(said.detail)
    yield ""
    yield from _pairs(_names(found))
    yield from _part("What became of it", _changes(found))
    yield from _part("When it fired", _facts(found.facts))
    for name, value in found.facts.items():
        if _table(value):
            yield from _part(f"When it fired: {name}", _tabular(value))
    yield from _part("Who was told", _deliveries(found.deliveries, alert))
    yield from _part("What was seen around its begin", _attempts(found.attempts))


def _names(found: Explanation) -> Iterator[tuple[str, str]]:
    alert = found.alert
    yield "id", alert.id
    yield "alert", f"{alert.name}, {alert.severity}"
    if alert.name in RULES:
        yield "rule", RULES[alert.name]
    yield (
        "began",
        f"{_at(alert.since_ns)}, found {words.duration((alert.fired_ns - alert.since_ns) / 1e9)} later",
    )
    if alert.quiet_ns is not None:
        yield "quiet since", _at(alert.quiet_ns)
    yield "ended", "not yet" if alert.ended_ns is None else _at(alert.ended_ns)
    yield "labels", ", ".join(f"{key}={value}" for key, value in alert.labels.items())


def _changes(found: Explanation) -> Iterator[str]:
    acks = {ack.made_ns: ack for ack in found.acknowledgements}
    rows = [(one.at_ns, f"{one.what} ({one.severity})") for one in found.changes]
    rows += [
        (at_ns, f"{ack.author} took it: {ack.reason}{_until(ack.until_ns)}") for at_ns, ack in acks.items()
    ]
    yield from (f"{_at(at_ns)}  {words.one_line(what)}" for at_ns, what in sorted(rows))


def _facts(facts: Mapping[str, Any]) -> Iterator[str]:
    return _pairs((name, _plain(value)) for name, value in facts.items() if not _table(value))


def _tabular(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    # The database gives keys in an order of its own.
    names = dict.fromkeys(name for row in rows for name in row)
    head = sorted(names, key=lambda name: COUNTED.index(name) if name in COUNTED else len(COUNTED))
    yield from columns(
        [[name.upper() for name in head], *([_plain(row.get(name)) for name in head] for row in rows)]
    )


def _deliveries(found: Sequence[Delivery], alert: AlertRow) -> Iterator[str]:
    """Yield who was told; by whom and under which key only where others told of it too."""
    if not found:
        return
    head = ("RECEIVER", "NOTICE", "MADE", "TOLD LAST", "STATE", "TRIES", "ERROR")
    if all((one.row.vantage, one.row.alert) == (alert.vantage, alert.id) for one in found):
        yield from columns([head, *map(_delivery, found)])
        return
    rows = [(one.row.vantage, *_delivery(one), one.row.alert) for one in found]
    yield from columns([("BY", *head, "KEY"), *rows])


def _delivery(one: Delivery) -> tuple[str, ...]:
    state = str(one.row.payload.get("state", ""))
    return (
        one.row.receiver,
        f"{one.row.seq} {state}".strip(),
        words.instant(one.row.made_ns),
        words.NOTHING if one.told_ns is None else words.instant(one.told_ns),
        one.state,
        str(one.tries),
        words.one_line(one.error or words.NOTHING),
    )


def _attempts(found: Sequence[Attempt]) -> Iterator[str]:
    if not found:
        return
    phases = [name.removesuffix("_s").upper() for name in PHASES]
    head = ("SLOT", "TARGET", "PROBE", "ATTEMPT", "OUTCOME", "STATUS", *phases, "TRACE", "REQUEST")
    yield from columns([head, *(_cells(one.result) for one in found[:ROWS])])
    if len(found) > ROWS:
        yield f"... and {len(found) - ROWS} more: --json has everything"
    yield from _part("How failed slots were settled", (_settled(one.settled) for one in found if one.settled))
    errors = dict.fromkeys(
        f"{one.result.target}: {one.result.outcome.value}: {words.one_line(one.result.error)}"
        for one in found
        if one.result.error
    )
    yield from _part("What was said of failures", iter(errors))


def _cells(result: ProbeResult) -> tuple[str, ...]:
    return (
        words.instant(result.scheduled_ns),
        result.target,
        result.probe,
        _attempt(result.attempt),
        result.outcome.value,
        words.NOTHING if result.http_status is None else str(result.http_status),
        *(words.latency(getattr(result, name)) for name in PHASES),
        result.trace_id,
        words.one_line(result.provider_request_id or words.NOTHING),
    )


def _attempt(attempt: int) -> str:
    """Return which attempt it is, in words.

    >>> [_attempt(attempt) for attempt in (0, 1, -1, -2, -4)]
    ['slot', '1', 'manual', 'drill', 'drill 2']
    """
    if attempt <= DRILL:
        return f"drill {DRILL - attempt}" if attempt < DRILL else "drill"
    return {SCHEDULED: "slot", MANUAL: "manual"}.get(attempt, str(attempt))


def _settled(one: Settled) -> str:
    failed = f"{one.confirmations_bad} of {one.confirmations} confirmations failed"
    witness = f"; {words.one_line(one.witness)}" if one.witness else ""
    return f"{words.instant(one.slot.scheduled_ns)}  {one.slot.target}: {one.fault.value}; {failed}{witness}"


def _part(title: str, body: Iterator[str]) -> Iterator[str]:
    """Yield a heading and what stands under it; nothing where that is nothing."""
    first = next(body, None)
    if first is None:
        return
    yield from ("", title.upper(), first)
    yield from body


def _pairs(pairs: Iterator[tuple[str, str]]) -> Iterator[str]:
    found = list(pairs)
    width = max((len(name) for name, _ in found), default=0)
    yield from (f"{name:<{width}}  {words.one_line(value)}" for name, value in found)


def _table(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, Mapping) for one in value)


def _plain(value: object) -> str:
    match value:
        case None:
            return words.NOTHING
        case float():
            return f"{value:.4g}"
        case list():
            return ", ".join(map(_plain, value)) or words.NOTHING
        case _:
            return str(value)


def _at(ns: int) -> str:
    return f"{words.instant(ns)} UTC"


def _until(ns: int | None) -> str:
    return "" if ns is None else f" (until {words.instant(ns)})"
