"""What a journal record says, decoded: the one place where telling meets bytes."""

from collections.abc import Iterator
from typing import NamedTuple

import structlog

from probes.result import ProbeResult
from storage.base import Record
from storage.records import Beat, Drilled, Kind, Plan, Settled, Skipped

Message = ProbeResult | Settled | Plan | Skipped | Beat | Drilled

_TYPES: dict[Kind, type[Message]] = {
    Kind.RESULT: ProbeResult,
    Kind.SETTLED: Settled,
    Kind.PLAN: Plan,
    Kind.SKIPPED: Skipped,
    Kind.BEAT: Beat,
    Kind.DRILL: Drilled,
}

log = structlog.get_logger("telling")


class Heard(NamedTuple):
    """One record's place in the sequence and what it says; None where it cannot be read."""

    seq: int
    message: Message | None


def heard(records: tuple[Record, ...]) -> Iterator[Heard]:
    """Decode records; one that a newer release wrote in words unknown here is logged and comes as None."""
    for record in records:
        try:
            yield Heard(record.seq, _TYPES[record.kind].decode(record.payload))
        except (ValueError, TypeError, KeyError, AttributeError) as failure:
            log.warning("record.unreadable", seq=record.seq, kind=record.kind, error=type(failure).__name__)
            yield Heard(record.seq, None)
