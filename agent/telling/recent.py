"""What a probe of a target showed lately: its last slots, how it usually is, and what its endpoint said of itself."""

import bisect
import dataclasses
import operator
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from exporters.signals import Judged
from probes.result import EventClass, Fault, Outcome, ProbeResult

SLOTS: Final = 30
"""Slots remembered of each probe: five minutes at one in ten seconds, a quarter of an hour at one in thirty."""

SAMPLES: Final = 30
SAMPLE_NS: Final = 600 * 1_000_000_000
"""How far apart samples of the usual are once there are enough: thirty of them reach five hours back."""


class Glimpse(NamedTuple):
    """One settled slot; `ours` says that it failed by our own fault."""

    scheduled_ns: int
    outcome: Outcome
    kind: EventClass
    ours: bool
    ttft_s: float | None
    total_s: float | None

    @property
    def failed(self) -> bool:
        return self.ours or self.kind is EventClass.BAD


class Times(NamedTuple):
    """How long the parts of one good answer took, in seconds; None was not observed."""

    at_ns: int
    dns_s: float | None
    connect_s: float | None
    tls_s: float | None
    ttfb_s: float | None
    ttft_s: float | None
    total_s: float | None


class Failure(NamedTuple):
    """The last attempt that failed, by the names under which we and the vendor know it."""

    at_ns: int
    outcome: Outcome
    http_status: int | None
    error_code: str | None
    trace_id: str
    request_id: str | None


class Said(NamedTuple):
    """What an endpoint said last: of its limits, how long to leave it alone, and when its certificate ends."""

    limits: Mapping[str, float]
    retry_after_s: float | None
    host: str | None
    expires_ns: int | None


@dataclasses.dataclass(frozen=True, slots=True)
class Recent:
    """A fold of settled slots, in the order in which they were due."""

    slots: tuple[Glimpse, ...] = ()
    usual: tuple[Times, ...] = ()
    failure: Failure | None = None
    said: Said = dataclasses.field(default_factory=lambda: Said({}, None, None, None))

    def after(self, judged: Judged, kind: EventClass) -> "Recent":
        """Return what is known after one more slot; a failure may be settled after slots that came later."""
        result = judged.result
        ours = result.meaning.confirm and judged.fault is Fault.OURS
        slots = list(self.slots)
        glimpse = Glimpse(result.scheduled_ns, result.outcome, kind, ours, result.ttft_s, result.total_s)
        bisect.insort(slots, glimpse, key=_DUE)
        failure = Failure(
            result.started_ns,
            result.outcome,
            result.http_status,
            result.error_code,
            result.trace_id,
            result.provider_request_id,
        )
        return Recent(
            slots=tuple(slots[-SLOTS:]),
            usual=self._usual(result) if result.outcome is Outcome.OK else self.usual,
            failure=self.failure if result.outcome in _NO_FAILURE else failure,
            said=self._said(result),
        )

    def _usual(self, result: ProbeResult) -> tuple[Times, ...]:
        if len(self.usual) >= SAMPLES and result.started_ns - self.usual[-1].at_ns < SAMPLE_NS:
            return self.usual
        parts = (getattr(result, name) for name in Times._fields[1:])
        times = (None if part is None else round(part, 6) for part in parts)
        return (*self.usual, Times(result.started_ns, *times))[-SAMPLES:]

    def _said(self, result: ProbeResult) -> Said:
        before = self.said
        ends = result.tls_expires_at
        return Said(
            result.ratelimit or before.limits,
            result.retry_after_s or before.retry_after_s,
            before.host if ends is None else result.server_address,
            before.expires_ns if ends is None else round(ends.timestamp()) * 1_000_000_000,
        )

    def set_back(self, at_ns: int) -> "Recent":
        """Return it with nothing after an instant to which the clock was set back: what comes now is the newest.

        >>> ahead = Recent(slots=tuple(Glimpse(at, Outcome.OK, EventClass.GOOD, False, None, None) for at in (5, 9)))
        >>> [one.scheduled_ns for one in ahead.set_back(6).slots]
        [5]
        """
        failure = self.failure
        return dataclasses.replace(
            self,
            slots=tuple(one for one in self.slots if one.scheduled_ns <= at_ns),
            usual=tuple(one._replace(at_ns=min(one.at_ns, at_ns)) for one in self.usual),
            failure=None if failure is None else failure._replace(at_ns=min(failure.at_ns, at_ns)),
        )

    def plain(self) -> list[Any]:
        """Return it as JSON values."""
        return [self.slots, self.usual, self.failure, self.said]

    @classmethod
    def revived(cls, plain: list[Any]) -> "Recent":
        slots, usual, failure, said = plain
        return cls(
            tuple(
                Glimpse(at_ns, Outcome(outcome), EventClass(kind), *rest)
                for at_ns, outcome, kind, *rest in slots
            ),
            tuple(Times(*times) for times in usual),
            failure and Failure(failure[0], Outcome(failure[1]), *failure[2:]),
            Said(*said),
        )


_DUE: Final = operator.attrgetter("scheduled_ns")

_NO_FAILURE: Final = frozenset({Outcome.OK, Outcome.MISMATCH, Outcome.AGENT_FAULT})
