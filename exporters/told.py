"""How a notice reads: its head, its lines and its facts, the same to every receiver."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from exporters import words
from exporters.signals import Acknowledged, Notice

one_line = words.one_line


def head(notice: Notice) -> str:
    """Return what stands in a subject or a title: how bad, marks of what is not real, and the summary."""
    state = "RESOLVED" if notice.state == "resolved" else notice.severity.upper()
    if in_hands(notice):
        state += " ACKNOWLEDGED"
    marks = [*_unreal(notice), *(["SIMULATED"] if notice.simulated else [])]
    return f"[{' '.join([*marks, state])}] {one_line(notice.summary)}"


def summary(notice: Notice) -> str:
    """Return the summary where nothing stands before it; what is a drill or a trial says so first."""
    return ": ".join([*_unreal(notice), one_line(notice.summary)])


def _unreal(notice: Notice) -> list[str]:
    return [] if not notice.drill else ["TRIAL" if notice.trial else "DRILL"]


def title(notices: Sequence[Notice]) -> str:
    """Return the title of a message: of several notices how many there are, and the worst of them."""
    if len(notices) == 1:
        return head(notices[0])
    firing = sum(notice.state == "firing" for notice in notices)
    worst = min(notices, key=lambda one: (one.state != "firing", one.severity != "page"))
    counts = [f"{firing} firing"] * bool(firing) + [f"{len(notices) - firing} resolved"] * (
        firing < len(notices)
    )
    return f"{head(worst)} ({', '.join(counts)})"


def facts(notice: Notice) -> Iterator[tuple[str, str]]:
    """Yield what stands behind a notice as pairs of words, in the order in which people ask."""
    yield "since", instant(notice.since_ns)
    if notice.ended_ns is not None:
        yield "ended", instant(notice.ended_ns)
    if notice.acknowledged is not None:
        yield "acknowledged", acknowledged(notice.acknowledged)
    if notice.fault:
        yield "fault", one_line(notice.fault)
    if notice.evidence:
        yield "evidence", "; ".join(map(one_line, notice.evidence))
    for key, value in notice.facts.items():
        yield one_line(key), one_line(value)
    for key, value in notice.labels.items():
        yield one_line(key), one_line(value)
    yield "id", notice.key


def keys(notice: Notice) -> tuple[str, str | None]:
    """Return what an alert is called where one key is one alert, and what the ticket was that a page may have been.

    A page has a key of its own, for under a ticket's it would be an update of that, which wakes nobody. It follows
    from the notice alone, so it is the same over repetitions and restarts.
    """
    if notice.severity == "ticket":
        return notice.key, None
    return f"{notice.key}/page", notice.key if notice.seq > 1 else None


def in_hands(notice: Notice) -> bool:
    """Return whether it fires and somebody has it in hands."""
    return notice.state == "firing" and notice.acknowledged is not None


def acknowledged(said: Acknowledged) -> str:
    """Return who has it in hands, and why.

    >>> acknowledged(Acknowledged(by="ada", reason="rolled back", at_ns=0, until_ns=7_200_000_000_000))
    'by ada at 1970-01-01T00:00:00Z until 1970-01-01T02:00:00Z: rolled back'
    """
    until = "" if said.until_ns is None else f" until {instant(said.until_ns)}"
    return f"by {one_line(said.by)} at {instant(said.at_ns)}{until}: {one_line(said.reason)}"


def links(notice: Notice) -> Iterator[tuple[str, str]]:
    """Yield (name, address) of where to read on."""
    if notice.runbook:
        yield "Runbook", notice.runbook
    if notice.page:
        yield "Status page", notice.page


def text(notice: Notice) -> Iterator[str]:
    """Yield the lines of a plain message."""
    yield head(notice)
    if notice.detail:
        yield one_line(notice.detail)
    yield ""
    pairs = [*facts(notice), *links(notice)]
    width = max(len(key) for key, _ in pairs)
    yield from (f"{key + ':':<{width + 1}} {value}" for key, value in pairs)


def instant(ns: int) -> str:
    """Return an instant in RFC 3339 to the second, as people compare it with their logs.

    >>> instant(1_800_000_000_900_000_000)
    '2027-01-15T08:00:00Z'
    """
    return datetime.fromtimestamp(ns // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def exact(ns: int) -> str:
    """Return an instant in RFC 3339 with its nanoseconds.

    >>> exact(1_800_000_000_900_000_001)
    '2027-01-15T08:00:00.900000001Z'
    """
    return f"{instant(ns)[:-1]}.{ns % 1_000_000_000:09d}Z"


def cut(text: str, limit: int) -> str:
    """Return a text of so many characters at most.

    >>> cut("alertness", 6), cut("alert", 6)
    ('alert…', 'alert')
    """
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
