"""Whose fault it is that an identity is refused: ours, unless several of one cloud turned at once, and none is accepted. Pure."""

import dataclasses
from collections.abc import Iterable
from typing import Final

from probes.identity import LATELY_NS, TURNED, identity
from probes.result import ANSWERED, SCHEDULED, Outcome, ProbeResult
from probes.target import Target

AGREE: Final = 2
"""So many identities that turn at once are no accident of ours."""

AT_ONCE_NS: Final = 300 * 1_000_000_000
"""Within this time of each other: two keys that expired a week apart are both ours."""

STATUSES: Final = frozenset({401, 403})
"""How a server says that it does not take an identity; what fails before it is asked is ours."""

_ACCEPTED: Final = ANSWERED | {Outcome.CONTENT_FILTER, Outcome.TRUNCATED, Outcome.EMPTY}


@dataclasses.dataclass(slots=True)
class _Run:
    """Refusals of one target in a row, the first at `since_ns`, and when its identity was accepted last."""

    target: Target
    refused: int = 0
    since_ns: int = 0
    accepted_ns: int | None = None

    @property
    def turned(self) -> bool:
        known = self.accepted_ns is not None and self.since_ns - self.accepted_ns <= LATELY_NS
        return known and self.refused >= TURNED


class Refusals:
    """Remembers of each target how its identity was taken; a target that the plan changes begins afresh.

    A new key or model name that all targets of a cloud got at once is so never held against the cloud.
    """

    def __init__(self) -> None:
        self._runs: dict[str, _Run] = {}

    def switch(self, targets: Iterable[Target]) -> None:
        """Go over to another plan."""
        planned = {target.name: target for target in targets}
        self._runs = {name: run for name, run in self._runs.items() if planned.get(name) == run.target}

    def judged(self, target: Target, result: ProbeResult) -> ProbeResult:
        """Take an attempt and return it, as a fault of the cloud's identity service where it is one of that."""
        run = self._runs.setdefault(target.name, _Run(target))
        refused = result.outcome is Outcome.CONFIG and result.http_status in STATUSES
        if result.attempt == SCHEDULED:
            self._take(run, result, refused=refused)
        if not refused or not self._is_theirs(run):
            return result
        return dataclasses.replace(result, outcome=Outcome.IDENTITY_SERVICE)

    @staticmethod
    def _take(run: _Run, result: ProbeResult, *, refused: bool) -> None:
        if result.outcome in _ACCEPTED:
            run.refused, run.accepted_ns = 0, result.scheduled_ns
        elif refused:
            run.since_ns = run.since_ns if run.refused else result.scheduled_ns
            run.refused += 1

    def _is_theirs(self, asked: _Run) -> bool:
        """Return whether identities of a cloud turned at once, this one among them, and none was accepted since.

        One that was refused before is ours, and keeps nobody from seeing that the others are not.
        """
        runs = [run for run in self._runs.values() if run.target.cloud == asked.target.cloud]
        turned = [run for run in runs if run.turned]
        newest_ns = max((run.since_ns for run in turned), default=0)
        at_once = [run for run in turned if newest_ns - run.since_ns <= AT_ONCE_NS]
        if len({identity(run.target) for run in at_once}) < AGREE or newest_ns - asked.since_ns > AT_ONCE_NS:
            return False
        accepted_ns = max((run.accepted_ns for run in runs if run.accepted_ns is not None), default=0)
        return accepted_ns < min(run.since_ns for run in at_once)
