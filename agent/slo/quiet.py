"""Who is in maintenance when, as far as an agent knows: by the plan, and by rows that tell what became of it."""

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from agent.slo.maintenance import DAY_NS, Maintenance, Span, key_of, merged, occurrences, of_day
from storage.readings import MaintenanceRow

BY_PLAN = "the configuration"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Maintenance of one target in [since, until)."""

    key: str
    target: str
    since_ns: int
    until_ns: int
    author: str
    reason: str

    def holds(self, at_ns: int) -> bool:
        return self.since_ns <= at_ns < self.until_ns


class Quiet:
    """What is known of maintenance; a row goes over what the plan says of the same occurrence, for it may end early."""

    def __init__(self, announced: Iterable[Maintenance] = (), rows: Iterable[MaintenanceRow] = ()) -> None:
        self._announced: dict[str, list[Maintenance]] = {}
        for one in announced:
            for target in one.targets:
                self._announced.setdefault(target, []).append(one)
        self._rows: dict[str, list[Work]] = {}
        self._known: set[tuple[str, str]] = set()
        for row in rows:
            self._rows.setdefault(row.target, []).append(work_of(row))
            self._known.add((row.key, row.target))

    def at(self, target: str, at_ns: int) -> Work | None:
        """Return the maintenance that a target is in, of several the one that ends last."""
        rows = (work for work in self._rows.get(target, ()) if work.holds(at_ns))
        planned = (
            work
            for one in self._announced.get(target, ())
            for span in of_day(one, at_ns // DAY_NS)
            if span.since_ns <= at_ns < span.until_ns
            for work in self._unknown(one, target, span)
        )
        return max((*rows, *planned), key=lambda work: work.until_ns, default=None)

    def targets(self, at_ns: int) -> dict[str, Work]:
        """Return who is in maintenance."""
        found = {name: self.at(name, at_ns) for name in (self._announced | self._rows)}
        return {name: work for name, work in found.items() if work is not None}

    def begun(self, since_ns: int, now_ns: int) -> list[Work]:
        """Return what the plan announced, holds at some instant of [since, now] and is no row yet.

        What began before `since` was not announced when it began: it holds from then on, for the past is changed by
        corrections alone.
        """
        found = (
            work
            for target, announced in self._announced.items()
            for one in announced
            for span in occurrences(one, since_ns, now_ns + 1)
            for work in self._unknown(one, target, span)
        )
        return [dataclasses.replace(work, since_ns=max(work.since_ns, since_ns)) for work in found]

    def _unknown(self, one: Maintenance, target: str, span: Span) -> Iterator[Work]:
        key = key_of(one, span)
        if (key, target) not in self._known:
            yield Work(
                key=key,
                target=target,
                since_ns=span.since_ns,
                until_ns=span.until_ns,
                author=BY_PLAN,
                reason=one.reason,
            )


def work_of(row: MaintenanceRow) -> Work:
    """Return what a row says, as it was in the end."""
    return Work(
        key=row.key,
        target=row.target,
        since_ns=row.since_ns,
        until_ns=row.over_ns,
        author=row.author,
        reason=row.reason,
    )


def spans_of(rows: Iterable[MaintenanceRow]) -> dict[str, list[Span]]:
    """Return target -> when it was in maintenance: disjoint stretches, sorted."""
    found: dict[str, list[Span]] = {}
    for row in rows:
        found.setdefault(row.target, []).append(Span(row.since_ns, row.over_ns))
    return {target: merged(spans) for target, spans in found.items()}


def is_quiet(labels: Mapping[str, str], failing: Sequence[Any], out: Collection[str]) -> bool:
    """Return whether all that an alert says to fail is in maintenance; `out` are the targets that are.

    >>> is_quiet({"target": "vllm"}, (), {"vllm"}), is_quiet({"service": "nano"}, ["vllm", "openai"], {"vllm"})
    (True, False)
    """
    names = list(failing) or [labels[name] for name in ("target",) if name in labels]
    return bool(names) and all(name in out for name in names)
