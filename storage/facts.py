"""The rows that events are counted from: those that are alike in all that anybody asks about, and how many there are."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text

from probes import residency
from probes.result import SCHEDULED, Fault, Outcome
from storage import periods, rows
from storage.counting import Facts, Pair, Plan
from storage.overrides import Override, Piece
from storage.periods import Ids
from storage.rolling import Alike


def facts(connection: Connection, plan: Plan, pairs: Mapping[Ids, Pair]) -> Iterator[Facts]:
    """Yield what rows of the pairs there are in each segment of the plan."""
    yield from _read(connection, _facts_asked(plan), plan, pairs)


def overridden(
    connection: Connection, plan: Plan, pairs: Mapping[Ids, Pair], said: Mapping[Pair, Sequence[Piece]]
) -> Iterator[Facts]:
    """Yield the rows of which something is said, with what that is."""
    cut = [(ids, piece) for ids, pair in pairs.items() for piece in said[pair]]
    words = list(dict.fromkeys(piece.override for _, piece in cut))
    stretches = {
        "said_targets": [ids[0] for ids, _ in cut],
        "said_probes": [ids[1] for ids, _ in cut],
        "said_vantages": [ids[2] for ids, _ in cut],
        "said_since": [rows.instant_up(piece.since_ns) for _, piece in cut],
        "said_until": [rows.instant_up(piece.until_ns) for _, piece in cut],
        "said_word": [words.index(piece.override) for _, piece in cut],
    }
    yield from _read(connection, _overrides_asked(plan), plan, pairs, stretches, words)


def minutes(connection: Connection, plan: Plan, pairs: Mapping[Ids, Pair]) -> Iterator[Alike]:
    """Yield what rows of the pairs there are in each hour; the plan's edges are every minute of them."""
    asked = _MINUTES.format(facts=_facts_asked(plan))
    for (
        *ids,
        hour,
        outcome,
        fault,
        trusted,
        ttft,
        total,
        speed,
        ttfo,
        itl,
        checked,
        region,
        at,
        counts,
    ) in connection.execute(text(asked), _asked(plan, pairs)):
        pair = pairs.get((ids[0], ids[1], ids[2]))
        if pair is not None:
            settled = Fault(fault) if fault else None
            figures = ttft, total, speed, ttfo, itl, checked, region
            fact = Facts(pair, 0, Outcome(outcome), settled, trusted, *figures, sum(counts))
            yield Alike(fact, hour, at, counts)


def _read(
    connection: Connection,
    statement: str,
    plan: Plan,
    pairs: Mapping[Ids, Pair],
    more: Mapping[str, Any] | None = None,
    words: Sequence[Override] = (),
) -> Iterator[Facts]:
    found = connection.execute(text(statement), {**_asked(plan, pairs), **(more or {})})
    for target, probe, vantage, segment, outcome, fault, trusted, word, *figures in found:
        pair = pairs.get((target, probe, vantage))  # the product of the three lists holds more than was asked
        if pair is not None:
            settled = Fault(fault) if fault else None
            fact = Facts(pair, segment, Outcome(outcome), settled, trusted, *figures)
            yield fact if word is None else fact._replace(override=words[word])


def _asked(plan: Plan, pairs: Collection[Ids]) -> dict[str, Any]:
    targets, probes, vantages = (list(set(column)) for column in zip(*pairs, strict=True))
    instants = [rows.instant_up(at) for at in plan.edges]
    return {
        "edges": instants,
        "since": instants[0],
        "until": instants[-1],
        # A duration is over a threshold from the next microsecond on.
        "ttft": [threshold + 1 for threshold in plan.ttft_us],
        "total": [threshold + 1 for threshold in plan.total_us],
        "ttfo": [threshold + 1 for threshold in plan.ttfo_us],
        "itl": [threshold + 1 for threshold in plan.itl_us],
        "speeds": list(plan.per_s),
        "targets": targets,
        "probes": probes,
        "vantages": vantages,
    }


def _counted(source: str, fault: str, among: str, plan: Plan, word: str = "CAST(NULL AS int)") -> str:
    return f"""
        SELECT r.target_id, r.probe_id, r.vantage_id,
            width_bucket(r.scheduled_at, CAST(:edges AS timestamptz[])), r.outcome, {fault} AS fault,
            r.quality_reasons IS NULL, {word}, width_bucket(r.ttft_us, CAST(:ttft AS int[])),
            width_bucket(r.total_us, CAST(:total AS int[])),
            width_bucket(r.tokens_per_s, CAST(:speeds AS double precision[])), {_seldom_asked(plan)}, count(*)
        FROM {source}
        WHERE r.scheduled_at >= :since AND r.scheduled_at < :until AND r.attempt = {SCHEDULED}
            AND r.target_id = ANY (CAST(:targets AS int[])) AND r.probe_id = ANY (CAST(:probes AS smallint[]))
            AND r.vantage_id = ANY (CAST(:vantages AS smallint[])) AND r.outcome {among}
        GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    """  # noqa: S608 - numbers and names of our own


SAME_SLOT = (
    "v.target_id = r.target_id AND v.scheduled_at = r.scheduled_at"
    " AND v.probe_id = r.probe_id AND v.vantage_id = r.vantage_id"
)


def _seldom_asked(plan: Plan) -> str:
    """Return the columns that make more kinds of rows, empty where nobody asks about them."""
    columns = (
        (plan.ttfo_us, "width_bucket(r.ttfo_us, CAST(:ttfo AS int[]))", "int"),
        (plan.itl_us, "width_bucket(r.itl_us, CAST(:itl AS int[]))", "int"),
        (plan.checked, "r.checked", "boolean"),
        (plan.placed, "r.backend_id", "int"),
    )
    return ", ".join(column if asked else f"CAST(NULL AS {kind})" for asked, column, kind in columns)


_KEYS = "target_id, probe_id, vantage_id, segment, outcome, fault, trusted, word, ttft, total, speed, ttfo, itl, checked"

# The region is told by a text of a dictionary, which is taken apart once for all rows of a backend: some clouds name
# another one in nearly every answer, so the dictionary may be longer than what is counted.
_PLACED = f"""
    SELECT {_KEYS}, COALESCE({", ".join(f"CAST(b.name AS jsonb) ->> '{fact}'" for fact in residency.TOLD_BY)}),
        CAST(sum(counted.rows) AS bigint)
    FROM ({{counted}}) counted ({_KEYS}, backend_id, rows)
    LEFT JOIN backends b ON b.id = counted.backend_id
    GROUP BY {_KEYS}, 15
"""  # noqa: S608 - names of our own


def _facts_asked(plan: Plan) -> str:
    # One pass over the many that need no verdict, and a look-up from each verdict to the row it is about: what has
    # none yet counts as nothing. Joining verdicts to all rows took four times as long (13 s for 3.2 million rows).
    many = _counted("results r", "NULL", f"NOT IN ({periods.CONFIRM})", plan)
    settled = _counted(
        f"verdicts v JOIN results r ON {SAME_SLOT} AND v.scheduled_at >= :since AND v.scheduled_at < :until",
        "v.fault",
        f"IN ({periods.CONFIRM})",
        plan,
    )
    return _placed(f"{many} UNION ALL {settled}", plan)


def _placed(counted: str, plan: Plan) -> str:
    return _PLACED.format(counted=counted) if plan.placed else counted


# The few rows of which something is said, found by their key.
_SAID = """
    unnest(CAST(:said_targets AS int[]), CAST(:said_probes AS smallint[]), CAST(:said_vantages AS smallint[]),
        CAST(:said_since AS timestamptz[]), CAST(:said_until AS timestamptz[]), CAST(:said_word AS int[])
    ) AS s (target_id, probe_id, vantage_id, since_at, until_at, word)
    JOIN results r ON r.target_id = s.target_id AND r.probe_id = s.probe_id AND r.vantage_id = s.vantage_id
        AND r.scheduled_at >= s.since_at AND r.scheduled_at < s.until_at
"""


def _overrides_asked(plan: Plan) -> str:
    many = _counted(_SAID, "NULL", f"NOT IN ({periods.CONFIRM})", plan, "s.word")
    joined = f"{_SAID} JOIN verdicts v ON {SAME_SLOT}"
    settled = _counted(joined, "v.fault", f"IN ({periods.CONFIRM})", plan, "s.word")
    return _placed(f"{many} UNION ALL {settled}", plan)


_ALIKE = "outcome, fault, trusted, ttft, total, speed, ttfo, itl, checked, region"

_MINUTES = f"""
    SELECT target_id, probe_id, vantage_id, (segment - 1) / 60, {_ALIKE}, array_agg((segment - 1) % 60), array_agg(counted)
    FROM ({{facts}}) AS fact (
        target_id, probe_id, vantage_id, segment, outcome, fault, trusted, word, ttft, total, speed, ttfo, itl, checked,
        region, counted
    )
    GROUP BY target_id, probe_id, vantage_id, (segment - 1) / 60, {_ALIKE}
"""  # noqa: S608 - numbers and names of our own
