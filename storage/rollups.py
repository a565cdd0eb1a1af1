"""Counts closed hours minute by minute, each once, and again when somebody wrote into it."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, text

from probes.result import EventClass
from storage import facts, history, stale, uncounted
from storage.counting import Pair, Rule, pair_of, plan_of, rule_of
from storage.dictionaries import Dictionaries
from storage.engine import edge
from storage.locks import Lock
from storage.periods import Ids
from storage.readings import SliQuestion
from storage.rolling import CLOSING_NS, HOUR_NS, MINUTE_NS, Minutes, Span, by_minute, rule_from, text_of
from storage.rows import instant
from storage.uncounted import Work

STEPS = 10
"""Statements that one advance counts with: some seconds where all of a month is to be counted."""

UNASKED = timedelta(days=7)
"""After so long what nobody asks about is forgotten: a release, an objective or a target that is no more."""


class PostgresRollups:
    """Fills the tables that storage/rolled.py reads. For one thread at a time; of several processes one counts."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._dictionaries = Dictionaries(engine)

    def advance(self, questions: Iterable[SliQuestion], now_ns: int) -> bool:
        """Count some more of what the questions are about; return whether there is more to count.

        1. Hours that ended five minutes ago are closed.
        2. Hours that were written into are counted anew, whoever asks about them.
        3. Hours are added to what is counted, the newest first, each day of twenty pairs in a transaction; those in
           which no row lies all in one.
        """
        with self._dictionaries.edge("Counting hours"):
            self._close(now_ns - CLOSING_NS)
            needs = self._needs(questions, now_ns)
            return all(self._step(needs) for _ in range(STEPS))

    def recount(self, since_ns: int, until_ns: int) -> None:
        """Count all hours that touch [since, until) anew, of every series."""
        with edge(self._engine, "Counting hours anew"):
            with self._engine.begin() as connection:
                targets = (
                    connection.execute(text("SELECT DISTINCT target_id FROM sli_series")).scalars().all()
                )
                stale.mark_stale(connection, targets, since_ns, until_ns)
            while self._step({}):
                pass

    def _close(self, until_ns: int) -> None:
        hour = instant(until_ns - until_ns % HOUR_NS)
        with self._engine.begin() as connection:
            closed = connection.execute(text(uncounted.CLOSED)).scalar_one_or_none()
            if closed is None or closed < hour:
                stale.close(connection, until_ns)

    def _needs(self, questions: Iterable[SliQuestion], now_ns: int) -> dict[int, int]:
        """Return the id of each series that the questions are about -> from when on it is needed."""
        asked: dict[tuple[Pair, str], int] = {}
        for question in questions:
            key = pair_of(question), text_of(rule_of(question))
            asked[key] = min(question.since_ns, asked.get(key, question.since_ns))
        pairs = list({pair for pair, _ in asked})
        known = {pair: ids for ids, pair in history.known(self._dictionaries, pairs).items()}
        wanted = {(known[pair], rule): since for (pair, rule), since in asked.items() if pair in known}
        if not wanted:
            return {}
        rows = [(*ids, rule) for ids, rule in sorted(wanted)]
        columns = {name: list(column) for name, column in zip(_KEY, zip(*rows, strict=True), strict=True)}
        with self._engine.begin() as connection:
            found = connection.execute(text(_FIND), columns).all()
            if len(found) < len(wanted):
                connection.execute(text(_ADD), columns | {"now": instant(now_ns)})
                found = connection.execute(text(_FIND), columns).all()
            connection.execute(text(_ASKED), {"ids": [row[0] for row in found], "now": instant(now_ns)})
        return {
            series_id: wanted[(target, probe, vantage), rule] // HOUR_NS * HOUR_NS
            for series_id, target, probe, vantage, rule in found
        }

    def _step(self, needs: Mapping[int, int]) -> bool:
        """Do one transaction's worth; return whether there was any to do, and nobody else at it."""
        with self._engine.begin() as connection:
            ours = connection.execute(
                text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": Lock.ROLLUPS}
            ).scalar_one()
            if not ours:
                return False
            work = uncounted.marked(connection) or (uncounted.missing(connection, needs) if needs else None)
            if work is None:
                return False
            _count(connection, work)
            return True


def _count(connection: Connection, work: Work) -> None:
    """Count hours from rows, put that in the place of what was there, and take the marks away."""
    since, until = map(instant, work.span)
    known = {one.id: rule for one in work.series if (rule := rule_from(one.rule)) is not None}
    # Of a release that counts otherwise: whoever still asks for it fills it anew.
    drop(connection, [one.id for one in work.series if one.id not in known])
    ids = list(known)
    for table in ("sli_hours", "sli_minutes"):
        connection.execute(
            text(f"DELETE FROM {table} WHERE series_id = ANY (:ids) AND at >= :since AND at < :until"),  # noqa: S608 - a name of our own
            {"ids": ids, "since": since, "until": until},
        )
    rules: dict[Ids, dict[Rule, int]] = defaultdict(dict)
    for one in work.series:
        if one.id in known and not work.empty:
            rules[one.ids][known[one.id]] = one.id
    _write(connection, _minutes(connection, work.span, rules))
    connection.execute(text(_WIDEN), {"ids": ids, "since": since, "until": until})
    connection.execute(text("DELETE FROM sli_stale WHERE id = ANY (:marks)"), {"marks": list(work.marks)})


def drop(connection: Connection, ids: Collection[int]) -> None:
    """Forget series and all that was counted of them."""
    for statement in (
        "DELETE FROM sli_hours WHERE series_id = ANY (:ids)",
        "DELETE FROM sli_minutes WHERE series_id = ANY (:ids)",
        "DELETE FROM sli_series WHERE id = ANY (:ids)",
    ):
        if ids:
            connection.execute(text(statement), {"ids": list(ids)})


def trim(connection: Connection, since: datetime, now: datetime) -> None:
    """Forget hours before an instant, and series that nobody has asked about for a week, alone among those who count."""
    ours = connection.execute(
        text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": Lock.ROLLUPS}
    ).scalar_one()
    if not ours:
        return
    hour = stale.hour_of(since + timedelta(hours=1))
    connection.execute(text(_NARROW), {"since": hour})
    for table in ("sli_hours", "sli_minutes"):
        connection.execute(text(f"DELETE FROM {table} WHERE at < :since"), {"since": hour})  # noqa: S608 - a name of our own
    unasked = connection.execute(
        text("SELECT id FROM sli_series WHERE asked_at < :since"), {"since": now - UNASKED}
    )
    drop(connection, unasked.scalars().all())


def _minutes(
    connection: Connection, span: Span, rules: Mapping[Ids, Mapping[Rule, int]]
) -> dict[tuple[int, int], Minutes]:
    """Return (series, hour in UTC nanoseconds) -> what rows come to, but for hours that came to nothing."""
    if not rules:
        return {}
    plan = plan_of(
        range(span[0], span[1] + 1, MINUTE_NS), {rule for theirs in rules.values() for rule in theirs}
    )
    names = {_name(ids): ids for ids in rules}
    found = by_minute(
        plan,
        {name: list(rules[ids]) for name, ids in names.items()},
        facts.minutes(connection, plan, {ids: name for name, ids in names.items()}),
    )
    return {
        (rules[names[name]][rule], span[0] + hour * HOUR_NS): minutes
        for (name, rule, hour), minutes in found.items()
    }


def _name(ids: Ids) -> Pair:
    """Return what stands for a pair's names, which nothing here asks for."""
    target, probe, vantage = map(str, ids)
    return target, probe, vantage


def _write(connection: Connection, found: Mapping[tuple[int, int], Minutes]) -> None:
    if not found:
        return
    columns: dict[str, list[Any]] = {
        "ids": [series_id for series_id, _ in found],
        "hours": [instant(hour_ns) for _, hour_ns in found],
    }
    sums = {kind: [sum(minutes.get(kind, ())) for minutes in found.values()] for kind in EventClass}
    connection.execute(text(_INTO_HOURS), columns | sums)
    arrays = {kind: [_array(minutes.get(kind)) for minutes in found.values()] for kind in EventClass}
    connection.execute(text(_INTO_MINUTES), columns | arrays)


def _array(figures: Sequence[int] | None) -> str | None:
    """Return an array as Postgres reads it: one text is quicker sent than sixty numbers."""
    return None if figures is None else f"{{{','.join(map(str, figures))}}}"


_KEY = ("target_id", "probe_id", "vantage_id", "rule")

_WANTED = """
    unnest(CAST(:target_id AS int[]), CAST(:probe_id AS smallint[]), CAST(:vantage_id AS smallint[]),
        CAST(:rule AS text[])) AS wanted (target_id, probe_id, vantage_id, rule)
"""

_FIND = f"""
    SELECT id, target_id, probe_id, vantage_id, rule
    FROM {_WANTED} JOIN sli_series USING (target_id, probe_id, vantage_id, rule)
"""  # noqa: S608 - text of our own

# A new one holds no hour yet.
_ADD = f"""
    INSERT INTO sli_series (since_at, until_at, asked_at, target_id, probe_id, vantage_id, rule)
    SELECT until_at, until_at, CAST(:now AS timestamptz), target_id, probe_id, vantage_id, rule
    FROM sli_closed, {_WANTED} ON CONFLICT DO NOTHING
"""  # noqa: S608 - as above

_ASKED = """
    UPDATE sli_series SET asked_at = :now
    WHERE id = ANY (CAST(:ids AS int[])) AND asked_at < CAST(:now AS timestamptz) - interval '1 hour'
"""

_WIDEN = """
    UPDATE sli_series SET since_at = LEAST(since_at, :since), until_at = GREATEST(until_at, :until)
    WHERE id = ANY (CAST(:ids AS int[]))
"""

_COLUMNS = ", ".join(EventClass)

_NARROW = """
    UPDATE sli_series SET since_at = GREATEST(since_at, :since), until_at = GREATEST(until_at, :since)
    WHERE since_at < :since
"""

_INTO_HOURS = f"""
    INSERT INTO sli_hours (series_id, at, {_COLUMNS})
    SELECT * FROM unnest(CAST(:ids AS int[]), CAST(:hours AS timestamptz[]),
        {", ".join(f"CAST(:{kind} AS int[])" for kind in EventClass)})
"""  # noqa: S608 - names of our own

_INTO_MINUTES = f"""
    INSERT INTO sli_minutes (series_id, at, {_COLUMNS})
    SELECT series_id, at, {", ".join(f"CAST({kind} AS smallint[])" for kind in EventClass)}
    FROM unnest(CAST(:ids AS int[]), CAST(:hours AS timestamptz[]),
        {", ".join(f"CAST(:{kind} AS text[])" for kind in EventClass)}) AS counted (series_id, at, {_COLUMNS})
"""  # noqa: S608 - as above
