"""The status page, rendered: HTML for browsers, a plain table for `curl`."""

from collections.abc import Iterator

from exporters import templating, words
from exporters.lines import SAMPLES
from exporters.pages import (
    Failure,
    Head,
    Measured,
    ObjectiveLine,
    Page,
    Served,
    TargetLine,
    Upkept,
    WatchedObjective,
)
from exporters.signals import Notice, TargetInfo
from exporters.told import summary

HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"

_HEADINGS = (
    "STATE",
    "TARGET",
    "FIRST TOKEN",
    "AVAILABLE",
    "BUDGET LEFT",
    "COVERAGE",
    "LAST",
    "SERVED BY",
    "LAST FAILURE",
)
_SLI = {
    "availability": "available",
    "ttft": "first token within",
    "ttfo": "first output within",
    "itl": "next token within",
    "total": "whole answer within",
    "throughput": "at least",
    "correctness": "right",
    "residency": "served where it may be",
}
_FAULT = {"not_ours": "not ours", "ours": "our side's", "undetermined": "undetermined"}


def render(page: Page, accept: str) -> tuple[str, bytes]:
    """Return (content type, page): HTML for whoever asks for it by name, as browsers do, else text."""
    if "text/html" in accept.lower():
        return HTML, html(page).encode()
    return TEXT, text(page).encode()


def html(page: Page) -> str:
    return (
        templating.environment()
        .get_template("status.html")
        .render(
            page=page,
            sentences=list(sentences(page.head)),
            notes=list(notes(page.head, len(page.targets))),
            samples=SAMPLES,
            about=about,
            wanted=wanted,
            behind=behind,
            explained=explained,
            told=told,
            maintenance=maintenance,
        )
    )


def text(page: Page) -> str:
    """Return a table of fixed columns; what endpoints said is stripped of what a terminal would obey."""
    head, tally = page.head, page.tally()
    rows = [list(_HEADINGS), *(list(_cells(line, head.now_ns)) for line in page.targets)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        f"nephoscope{f' from {head.vantage}' if head.vantage else ''}",
        *sentences(head),
        *(f"! {note}" for note in notes(head, len(page.targets))),
        "",
        ", ".join(f"{number} {state}" for state, number in tally.items()),
        "",
        *(line for notice in page.alerts for line in alert_lines(notice)),
        *([""] if page.alerts else []),
        *(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ),
        "",
        *map(_objective, page.objectives),
        "",
        "/metrics for Prometheus, /healthz, /readyz; a browser gets this as a page.",
    ]
    return "\n".join(lines) + "\n"


def sentences(head: Head) -> Iterator[str]:
    """Yield what is said above the table: when, with what, and how far it is to be believed."""
    plan = f", plan {head.config_hash}" if head.config_hash else ""
    yield f"{words.instant(head.now_ns)} UTC, version {head.version}{plan}"
    database = {None: "not asked yet", True: "up", False: "away"}[head.database_up]
    since = f" since {words.instant(head.database_since_ns)} UTC" if head.database_since_ns else ""
    evaluated = (
        f"evaluated {words.ago(head.evaluated_ns, head.now_ns)}" if head.evaluated_ns else "not evaluated yet"
    )
    yield f"Database {database}{since}. Objectives {evaluated}."
    error = words.own_error(head.calibration) if head.calibration else "not known yet"
    yield f"Our own error: {error}."


def notes(head: Head, targets: int) -> Iterator[str]:
    """Yield what must not be overlooked."""
    if head.simulated:
        who = "all targets are" if head.simulated == targets else f"{head.simulated} of {targets} targets are"
        yield f"SIMULATED: {who} simulated clouds on this machine; what is shown of them is no vendor's doing."
    if head.database_up is False:
        yield (
            "The database is away: states and first tokens are of now, budgets of the last evaluation; "
            "the journal keeps every result until it is back."
        )
    for trouble in head.troubles:
        yield f"{trouble[:1].upper()}{trouble[1:]}."


def alert_lines(notice: Notice) -> tuple[str, str]:
    """Return an alert's two lines."""
    return f"{notice.severity.upper()} {summary(notice)}", f"  {behind(notice)}"


def behind(notice: Notice) -> str:
    """Return an alert's second line: whether it goes on, what is behind it, and by what name a command takes it."""
    since = "" if notice.quiet_ns is None else f"quiet since {words.instant(notice.quiet_ns)} UTC; "
    return f"{since}{words.one_line(notice.detail)}; id {notice.key.rpartition('@')[0] or notice.key}"


def about(info: TargetInfo) -> str:
    """Return who serves what where, each thing once."""
    said = [info.provider, info.cloud, info.region, info.model, "simulated" if info.simulated else None]
    return " · ".join(dict.fromkeys(one for one in said if one))


def wanted(objective: WatchedObjective) -> str:
    """Return an objective in words.

    >>> wanted(WatchedObjective(name="quick", sli="ttft", ratio=0.99, window="28d", threshold_s=1.5))
    '99 % first token within 1.5 s over 28d'
    >>> wanted(WatchedObjective(name="fast", sli="throughput", ratio=0.95, window="28d", at_least_per_s=30.0))
    '95 % at least 30 tokens a second over 28d'
    >>> wanted(WatchedObjective(name="right", sli="correctness", ratio=0.99, window="28d"))
    '99 % right over 28d'
    """
    within = "" if objective.threshold_s is None else f" {objective.threshold_s:g} s"
    if objective.at_least_per_s is not None:
        within = f" {objective.at_least_per_s:g} tokens a second"
    return (
        f"{words.goal(objective.ratio)} {_SLI.get(objective.sli, objective.sli)}{within}"
        f" over {objective.window}"
    )


def explained(failure: Failure) -> str:
    """Return what a failure said of itself, and whose fault settlement found it to be."""
    fault = f"; fault {_FAULT[failure.fault]}" if failure.fault in _FAULT else ""
    return f"{failure.probe}: {words.one_line(failure.error or 'no word of why')}{fault}"


def told(served: Served, now_ns: int) -> str:
    """Return who serves, and since when where somebody else did before.

    >>> told(Served(by="region=West", since_ns=0, before="region=East"), 90 * words.SECOND_NS)
    'region=West for 1 min 30 s, before that region=East'
    """
    if served.before is None:
        return words.one_line(served.by)
    since = words.lasting(served.since_ns, now_ns)
    return words.one_line(f"{served.by} {since}, before that {served.before}")


def maintenance(upkept: Upkept, now_ns: int) -> str:
    """Return until when a target is in maintenance, and why.

    >>> maintenance(Upkept(until_ns=7_200_000_000_000, reason="upgrades", author="ada"), 0)
    'maintenance until 02:00 UTC: upgrades'
    """
    until = words.instant(upkept.until_ns, seconds=False)
    today = until.startswith(words.instant(now_ns, seconds=False)[:10])
    return words.one_line(f"maintenance until {until[11:] if today else until} UTC: {upkept.reason}")


def _cells(line: TargetLine, now_ns: int) -> Iterator[str]:
    seen, tight, failure = line.availability, line.tightest, line.failure
    said = [line.why, maintenance(line.upkept, now_ns) if line.upkept else None]
    notes = "; ".join(one for one in said if one)
    yield line.state + (f" ({notes})" if notes else "")
    yield line.info.target
    yield ", ".join(words.latency(one.seconds) for one in line.ttft) or words.NOTHING
    yield _available(seen) if seen else words.NOTHING
    yield f"{words.percent(tight.budget, 0)} of {tight.objective.name}" if tight else words.NOTHING
    yield words.percent(seen.coverage, 0) if seen else words.NOTHING
    yield words.ago(line.last_ns, now_ns)
    yield told(line.served, now_ns) if line.served else words.NOTHING
    yield (
        f"{words.ago(failure.at_ns, now_ns)} {failure.outcome}, {explained(failure)}"
        if failure
        else "none seen"
    )


def _available(seen: Measured) -> str:
    shown = words.percent(seen.sli, words.digits_of(seen.objective.ratio))
    return shown if seen.known else f"unknown ({shown})"


def _objective(line: ObjectiveLine) -> str:
    least = _least(line.worst) if line.worst else "not evaluated yet"
    return f"{line.objective.name}: {wanted(line.objective)}: {line.good} good, {line.bad} bad, {line.unknown} unknown; {least}"


def _least(worst: Measured) -> str:
    return f"least budget left {words.percent(worst.budget, 0)} at {worst.slo.whom}"
