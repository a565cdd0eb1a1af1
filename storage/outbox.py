"""The outbox: notices as rows, claimed by a lease, so that a kill repeats one and never loses it."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, select, text
from sqlalchemy.dialects.postgresql import insert

from storage import cleaning, hearing, schema
from storage.alert_readings import Claim, Delivery, Last, NoticeRow, Occurrence, Told
from storage.engine import edge
from storage.locks import Lock

_TEXT_LIMIT = 10_000
_FIELDS = tuple(field.name for field in dataclasses.fields(NoticeRow))
_SAME = "o.vantage = n.vantage AND o.receiver = n.receiver AND o.alert = n.alert"
_NEWER = f"EXISTS (SELECT FROM notices o WHERE {_SAME} AND o.seq > n.seq"
_TRIED = "o.tries > 0 OR o.lease_ns IS NOT NULL"
"""It may have been told: a receiver may take what it does not answer, and whoever told it may have been killed."""

_KNOWN = f"EXISTS (SELECT FROM notices o WHERE {_SAME} AND (o.told_ns IS NOT NULL OR (o.seq < n.seq AND ({_TRIED}))))"

_CLAIM = text(f"""
WITH due AS (
    SELECT n.receiver, n.alert, n.seq, row_number() OVER (PARTITION BY n.receiver ORDER BY n.urgent DESC, n.made_ns, n.alert) AS place
    FROM notices n
    WHERE n.vantage = :vantage AND n.receiver = ANY(CAST(:receivers AS text[])) AND n.due_ns <= :now
      AND (n.lease_ns IS NULL OR n.lease_ns <= :now) AND (n.ends OR NOT :ends)
      AND NOT {_NEWER})
      AND NOT EXISTS (SELECT FROM notices o WHERE {_SAME} AND o.seq < n.seq AND o.lease_ns > :now)
)
UPDATE notices n SET lease_ns = :lease FROM due
WHERE n.vantage = :vantage AND n.receiver = due.receiver AND n.alert = due.alert AND n.seq = due.seq
  AND due.place <= :limit AND (n.lease_ns IS NULL OR n.lease_ns <= :now)
RETURNING n.*, {_KNOWN} AS known
""")  # noqa: S608 - pieces of our own

_SETTLE = text("""
UPDATE notices SET state = :state, due_ns = :due, lease_ns = NULL, error = :error,
    tries = CASE WHEN :state = 'told' THEN 0 WHEN CAST(:error AS text) IS NULL THEN tries ELSE tries + 1 END,
    told_ns = CASE WHEN :state = 'told' THEN :at ELSE told_ns END
WHERE vantage = :vantage AND receiver = :receiver AND alert = :alert AND seq = :seq AND lease_ns = :lease
""")

_SUPERSEDE = text("""
UPDATE notices SET due_ns = NULL, state = CASE WHEN state = 'waiting' THEN 'superseded' ELSE state END
WHERE vantage = :vantage AND receiver = :receiver AND alert = :alert AND seq < :seq AND due_ns IS NOT NULL
""")

_SUPERSEDE_ELSEWHERE = text("""
UPDATE notices SET due_ns = NULL, state = 'superseded'
WHERE vantage <> :vantage AND receiver = :receiver AND alert = :alert AND urgent AND NOT ends AND told_ns IS NULL
  AND due_ns IS NOT NULL AND (lease_ns IS NULL OR lease_ns <= :at)
""")
"""A receiver that took a page from whoever took it over is not told of it again by the one who could not."""

_HEARD = text(f"""
SELECT o.vantage, o.alert, o.receiver, max(o.seq) AS seq, bool_or(o.told_ns IS NOT NULL OR {_TRIED}) AS reached
FROM notices o WHERE o.vantage = ANY(CAST(:vantages AS text[])) AND o.alert = ANY(CAST(:alerts AS text[]))
GROUP BY o.vantage, o.alert, o.receiver
""")  # noqa: S608 - pieces of our own

_OPEN = text(f"""
SELECT n.* FROM notices n
WHERE n.vantage = :vantage AND NOT n.ends AND n.state IN ('waiting', 'told', 'refused') AND NOT {_NEWER})
ORDER BY n.made_ns, n.alert COLLATE "C", n.receiver COLLATE "C"
""")  # noqa: S608 - pieces of our own

_UNTAKEN = text("""
SELECT p.vantage, p.alert, EXISTS (
    SELECT FROM notices n WHERE n.vantage = p.vantage AND n.alert = p.alert AND n.urgent AND n.tries = 0 AND n.lease_ns IS NOT NULL)
FROM unnest(CAST(:vantages AS text[]), CAST(:alerts AS text[])) AS p (vantage, alert)
WHERE NOT EXISTS (
    SELECT FROM notices n WHERE n.vantage = p.vantage AND n.alert = p.alert AND n.urgent AND n.told_ns IS NOT NULL)
""")

_LAST = text("""
SELECT DISTINCT ON (n.alert) n.alert, n.seq, n.ends FROM notices n
WHERE n.vantage = :vantage AND n.alert = ANY(CAST(:alerts AS text[])) ORDER BY n.alert, n.seq DESC
""")

_EXPIRE = text(f"""
UPDATE notices n SET state = 'dropped', due_ns = NULL
WHERE n.vantage = :vantage AND n.state IN ('waiting', 'refused') AND n.due_ns IS NOT NULL
  AND CASE WHEN NOT n.ends THEN n.due_ns < :any AND NOT n.receiver = ANY(CAST(:receivers AS text[]))
      WHEN {_KNOWN} THEN n.made_ns < :any ELSE n.made_ns < :ended END
  AND (n.lease_ns IS NULL OR n.lease_ns < :ended)
RETURNING n.receiver
""")  # noqa: S608 - pieces of our own

_SUPERSEDE_DROPPED = text(f"""
UPDATE notices n SET state = 'superseded', due_ns = NULL
WHERE n.vantage = :vantage AND n.state = 'waiting' AND {_NEWER} AND o.state = 'dropped')
""")  # noqa: S608 - pieces of our own

_REVIVE = text(f"""
UPDATE notices n SET due_ns = :now
WHERE n.vantage = :vantage AND n.receiver = ANY(CAST(:receivers AS text[])) AND n.state = 'refused'
  AND n.made_ns >= :since AND NOT {_NEWER})
""")  # noqa: S608 - pieces of our own

_FORGET = text(f"""
DELETE FROM notices n WHERE n.vantage = :vantage AND n.made_ns < :before AND n.due_ns IS NULL
  AND n.alert IN (SELECT e.alert FROM notices e WHERE e.vantage = :vantage AND e.ends AND e.made_ns < :before)
  AND NOT {_NEWER} AND (o.made_ns >= :before OR o.due_ns IS NOT NULL))
""")  # noqa: S608 - pieces of our own


class PostgresOutbox:
    """The outbox in the database; many processes may tell from it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, rows: Sequence[NoticeRow]) -> None:
        with edge(self._engine, "Keeping notices"), self._engine.begin() as connection:
            write(connection, rows)

    def claim(
        self,
        vantage: str,
        receivers: Collection[str],
        now_ns: int,
        lease_ns: int,
        limit: int,
        *,
        ends: bool = False,
    ) -> list[Claim]:
        """Claim by a conditional UPDATE.

        Two who claim at once could otherwise take a firing and its end, each not seeing the other's lease yet: they
        take turns, for the millisecond that it takes.
        """
        asked = {
            "vantage": vantage,
            "receivers": list(receivers),
            "now": now_ns,
            "lease": lease_ns,
            "limit": limit,
            "ends": ends,
        }
        with edge(self._engine, "Claiming notices"), self._engine.begin() as connection:
            _alone(connection)
            found = [_claimed(row) for row in connection.execute(_CLAIM, asked).mappings()]
        return sorted(found, key=lambda claim: order(claim.row))

    def settle(self, told: Sequence[Told]) -> None:
        with edge(self._engine, "Settling notices"), self._engine.begin() as connection:
            for one in told:
                named = _named(one)
                ours = connection.execute(
                    _SETTLE,
                    named
                    | {
                        "state": one.state,
                        "due": one.due_ns,
                        "error": one.error,
                        "at": one.at_ns,
                        "lease": one.claim.lease_ns,
                    },
                ).rowcount
                if ours and one.state != "waiting":
                    connection.execute(_SUPERSEDE, named)
                if ours and first_page(one):
                    connection.execute(_SUPERSEDE_ELSEWHERE, named | {"at": one.at_ns})

    def expire(self, vantage: str, receivers: Collection[str], ended_ns: int, any_ns: int) -> dict[str, int]:
        counts: dict[str, int] = {}
        asked = {"vantage": vantage, "receivers": list(receivers), "ended": ended_ns, "any": any_ns}
        with edge(self._engine, "Dropping old notices"), self._engine.begin() as connection:
            for receiver in connection.execute(_EXPIRE, asked).scalars():
                counts[receiver] = counts.get(receiver, 0) + 1
            if counts:
                connection.execute(_SUPERSEDE_DROPPED, {"vantage": vantage})
        return counts

    def revive(self, vantage: str, receivers: Collection[str], since_ns: int, now_ns: int) -> None:
        self._do(
            "Reviving notices",
            _REVIVE,
            {"vantage": vantage, "receivers": list(receivers), "since": since_ns, "now": now_ns},
        )

    def deliveries(self, vantage: str | None, alert: str) -> list[Delivery]:
        table = schema.notices
        query = (
            select(table)
            .where(table.c.alert == alert)
            .order_by(table.c.seq, table.c.receiver, table.c.vantage.collate("C"))
        )
        if vantage is not None:
            query = query.where(table.c.vantage == vantage)
        with edge(self._engine, "Reading notices"), self._engine.connect() as connection:
            return [_delivery(row) for row in connection.execute(query).mappings()]

    def open(self, vantage: str) -> list[NoticeRow]:
        with edge(self._engine, "Reading what fires"), self._engine.connect() as connection:
            return [_notice(row) for row in connection.execute(_OPEN, {"vantage": vantage}).mappings()]

    def untaken(self, pages: Collection[Occurrence]) -> dict[Occurrence, bool]:
        if not pages:
            return {}
        vantages, alerts = zip(*pages, strict=True)
        asked = {"vantages": list(vantages), "alerts": list(alerts)}
        with edge(self._engine, "Reading pages of others"), self._engine.connect() as connection:
            found = connection.execute(_UNTAKEN, asked)
            return {(vantage, alert): begun for vantage, alert, begun in found}

    def last(self, vantage: str, alerts: Collection[str]) -> dict[str, Last]:
        asked = {"vantage": vantage, "alerts": list(alerts)}
        with edge(self._engine, "Reading notices"), self._engine.connect() as connection:
            return {alert: Last(seq, ends) for alert, seq, ends in connection.execute(_LAST, asked)}

    def forget(self, vantage: str, before_ns: int) -> None:
        self._do("Deleting old notices", _FORGET, {"vantage": vantage, "before": before_ns})

    def _do(self, doing: str, statement: Any, asked: Mapping[str, Any]) -> None:
        with edge(self._engine, doing), self._engine.begin() as connection:
            connection.execute(statement, asked)


def order(row: NoticeRow) -> tuple[str, bool, int, str]:
    """Return what claims are sorted by: each receiver's urgent ones first, then its oldest."""
    return row.receiver, not row.urgent, row.made_ns, row.alert


def first_page(one: Told) -> bool:
    """Return whether a receiver took a page for the first time."""
    row = one.claim.row
    return one.state == "told" and row.urgent and not row.ends and not one.claim.again


def write(connection: Connection, rows: Sequence[NoticeRow]) -> None:
    """Keep notices within a transaction of the caller's, as that which remembers their alerts.

    Nobody claims meanwhile: whoever is not being told of an alert now is not told of what was before.
    """
    if not rows:
        return
    _alone(connection)
    kept, hushed = hearing.spread(rows, _heard(connection, rows))
    if kept:
        table, fresh = schema.notices, {"lease_ns": None, "told_ns": None, "tries": 0, "error": None}
        statement = insert(table)
        again = {name: statement.excluded[name] for name in ("state", "due_ns")}
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=list(table.primary_key), set_=again, where=table.c.state == "dropped"
            ),
            [
                dataclasses.asdict(row) | fresh | {"state": "waiting", "payload": held(dict(row.payload))}
                for row in kept
            ],
        )
    for one in hushed:
        connection.execute(_SUPERSEDE, one._asdict())


def _alone(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": Lock.OUTBOX})


def _heard(connection: Connection, rows: Sequence[NoticeRow]) -> dict[Occurrence, list[hearing.Heard]]:
    asked = {"vantages": list({row.vantage for row in rows}), "alerts": list({row.alert for row in rows})}
    found: dict[Occurrence, list[hearing.Heard]] = {}
    for vantage, alert, *has in connection.execute(_HEARD, asked):
        found.setdefault((vantage, alert), []).append(hearing.Heard(*has))
    return found


def held(value: Any) -> Any:
    """Return a JSON value as Postgres can hold it: what endpoints say may have a NUL, or half a pair."""
    match value:
        case str():
            return cleaning.text(value, _TEXT_LIMIT)
        case dict():
            return {held(key): held(part) for key, part in value.items()}
        case list() | tuple():
            return [held(part) for part in value]
        case _:
            return value


def _claimed(row: RowMapping) -> Claim:
    return Claim(_notice(row), row["tries"], row["lease_ns"], row["known"], again=row["told_ns"] is not None)


def _delivery(row: RowMapping) -> Delivery:
    facts = {name: row[name] for name in ("state", "tries", "told_ns", "error")}
    return Delivery(row=_notice(row), **facts)


def _notice(row: RowMapping) -> NoticeRow:
    """Return a notice's row; one that is never due again was due when it was made."""
    return NoticeRow(**{name: row[name] for name in _FIELDS} | {"due_ns": row["due_ns"] or row["made_ns"]})


def _named(one: Told) -> dict[str, Any]:
    row = one.claim.row
    return {"vantage": row.vantage, "receiver": row.receiver, "alert": row.alert, "seq": row.seq}
