"""What SQL answers about a whole period: stretches of alike slots, percentiles, and spend."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text

from probes.result import ANSWERED, MEANING, SCHEDULED, Fault, Outcome
from storage import rows
from storage.readings import Spend, Spread, Stretch, Timing

Ids = tuple[int, int, int]
"""A target, a probe and a vantage by their ids in the dictionaries."""

PAIRS_AT_ONCE = 20
"""Pairs that one statement counts: 3.2 million rows in 28 days at 15 s, seconds under the statement timeout."""


def stretches(
    connection: Connection, since_ns: int, until_ns: int, holes_ns: Mapping[Ids, int]
) -> dict[Ids, list[Stretch]]:
    """Return the stretches of some pairs, oldest first; one that is longer apart than its hole ends there."""
    targets, probes, vantages = (list(column) for column in zip(*holes_ns, strict=True))
    found = connection.execute(
        text(_STRETCHES),
        {
            "since": rows.instant_up(since_ns),
            "until": rows.instant_up(until_ns),
            "targets": targets,
            "probes": probes,
            "vantages": vantages,
            "holes": [hole // 1000 for hole in holes_ns.values()],
        },
    )
    told: dict[Ids, list[Stretch]] = defaultdict(list)
    for target, probe, vantage, first, last, slots, outcome, fault, code in found:
        told[target, probe, vantage].append(
            Stretch(
                first_ns=rows.nanoseconds(first),
                last_ns=rows.nanoseconds(last),
                slots=slots,
                outcome=Outcome(outcome),
                fault=Fault(fault) if fault else None,
                error_code=code,
            )
        )
    return told


def timings(connection: Connection, within: Mapping[str, Any]) -> Iterator[Timing]:
    """Yield the timings of some targets; `within` has `vantage`, `since`, `until` and `targets` (ids)."""
    doubts: dict[tuple[str, str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for target, probe, kind, reasons, slots in connection.execute(text(_DOUBTS), within):
        for reason in reasons.split(","):
            doubts[target, probe, kind][reason] += slots
    for target, probe, kind, slots, untrusted, speed, *spreads in connection.execute(text(_TIMINGS), within):
        yield Timing(
            target=target,
            probe=probe,
            kind=kind,
            slots=slots,
            untrusted=untrusted,
            doubts=dict(sorted(doubts[target, probe, kind].items())),
            ttft=_spread(*spreads[:2]),
            total=_spread(*spreads[2:4]),
            tokens_per_s=None if speed is None else round(speed, 9),
            per_500=_spread(*spreads[4:]),
        )


def _spread(samples: int, percentiles_us: Sequence[float] | None) -> Spread | None:
    if percentiles_us is None:
        return None
    p50_s, p95_s, p99_s = (round(us / 1e6, 9) for us in percentiles_us)
    return Spread(samples=samples, p50_s=p50_s, p95_s=p95_s, p99_s=p99_s)


def spends(connection: Connection, within: Mapping[str, Any]) -> Iterator[Spend]:
    """Yield what some targets cost; `within` as for `timings`."""
    for row in connection.execute(text(_SPENDS), within).mappings():
        yield Spend(**row)


CONFIRM = ", ".join(f"'{outcome}'" for outcome, meaning in MEANING.items() if meaning.confirm)
"""Outcomes that a verdict is about, as SQL lists them."""

_ANSWERED = ", ".join(f"'{outcome}'" for outcome in sorted(ANSWERED))

# The fault belongs to what is to be confirmed alone: elsewhere a verdict says nothing (probes/events.py).
_STRETCHES = f"""
    WITH slots AS (
        SELECT r.target_id, r.probe_id, r.vantage_id, r.scheduled_at, r.outcome, v.fault, r.error_code_id,
            asked.hole_us
        FROM unnest(
            CAST(:targets AS int[]), CAST(:probes AS smallint[]), CAST(:vantages AS smallint[]),
            CAST(:holes AS bigint[])
        ) AS asked (target_id, probe_id, vantage_id, hole_us)
        JOIN results r USING (target_id, probe_id, vantage_id)
        LEFT JOIN verdicts v ON r.outcome IN ({CONFIRM})
            AND v.target_id = r.target_id AND v.scheduled_at = r.scheduled_at
            AND v.probe_id = r.probe_id AND v.vantage_id = r.vantage_id
            AND v.scheduled_at >= :since AND v.scheduled_at < :until
        WHERE r.attempt = {SCHEDULED} AND r.scheduled_at >= :since AND r.scheduled_at < :until
    ), changes AS (
        SELECT slots.*,
            outcome IS DISTINCT FROM lag(outcome) OVER pair
            OR fault IS DISTINCT FROM lag(fault) OVER pair
            OR error_code_id IS DISTINCT FROM lag(error_code_id) OVER pair
            OR scheduled_at - lag(scheduled_at) OVER pair > hole_us * interval '1 microsecond' AS changed
        FROM slots
        WINDOW pair AS (PARTITION BY target_id, probe_id, vantage_id ORDER BY scheduled_at)
    ), numbered AS (
        SELECT changes.*, count(*) FILTER (WHERE changed) OVER (
            PARTITION BY target_id, probe_id, vantage_id ORDER BY scheduled_at
        ) AS number
        FROM changes
    )
    SELECT target_id, probe_id, vantage_id, min(scheduled_at), max(scheduled_at), count(*),
        outcome, fault, error_codes.name
    FROM numbered LEFT JOIN error_codes ON error_codes.id = error_code_id
    GROUP BY target_id, probe_id, vantage_id, number, outcome, fault, error_codes.name
    ORDER BY target_id, probe_id, vantage_id, number
"""  # noqa: S608 - numbers and names of our own

_WITHIN = """
    FROM results r
    JOIN targets ON targets.id = r.target_id
    JOIN probes ON probes.id = r.probe_id
    JOIN revisions ON revisions.id = r.revision_id
    WHERE r.target_id = ANY (CAST(:targets AS int[])) AND r.vantage_id = :vantage
        AND r.scheduled_at >= :since AND r.scheduled_at < :until
"""


def _percentiles(column: str, among: str) -> str:
    return f"""
        count({column}) FILTER (WHERE {among}),
        percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY {column}) FILTER (WHERE {among})
    """


_TRUSTED = "r.quality_reasons IS NULL"

_PER_500_US = "r.ttft_us + 500e6 / nullif(r.tokens_per_s, 0)"

_TIMINGS = f"""
    SELECT targets.name, probes.name, revisions.kind, count(*), count(r.quality_reasons),
        percentile_cont(0.5) WITHIN GROUP (ORDER BY r.tokens_per_s) FILTER (WHERE {_TRUSTED}),
        {_percentiles("r.ttft_us", _TRUSTED)},
        {_percentiles("r.total_us", f"{_TRUSTED} AND r.outcome IN ({_ANSWERED})")},
        {_percentiles(_PER_500_US, _TRUSTED)}
    {_WITHIN} AND r.attempt = {SCHEDULED}
    GROUP BY 1, 2, 3
"""

_DOUBTS = f"""
    SELECT targets.name, probes.name, revisions.kind, r.quality_reasons, count(*)
    {_WITHIN} AND r.attempt = {SCHEDULED} AND r.quality_reasons IS NOT NULL
    GROUP BY 1, 2, 3, 4
"""

_SPENDS = f"""
    SELECT targets.name AS target, revisions.price_source, count(*) AS attempts,
        coalesce(sum(r.input_tokens), 0) AS input_tokens, coalesce(sum(r.output_tokens), 0) AS output_tokens,
        CAST(round(CAST(sum(r.cost_usd) AS numeric), 9) AS double precision) AS cost_usd,
        count(*) FILTER (
            WHERE r.cost_usd IS NULL AND (r.input_tokens IS NOT NULL OR r.output_tokens IS NOT NULL)
        ) AS unpriced
    {_WITHIN}
    GROUP BY 1, 2
"""
