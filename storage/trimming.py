"""How long alerts are remembered, and what becomes of those whose vantage is gone."""

from sqlalchemy import Connection, text

from storage.alert_readings import SILENT

WEEK_NS = 7 * 86_400 * 1_000_000_000
"""A vantage that said nothing for so long is gone, or has another name now."""

_OVER = "NOT EXISTS (SELECT FROM alerts a WHERE a.vantage = n.vantage AND a.id = n.alert)"
_TRIM = (
    "DELETE FROM alerts WHERE ended_ns < :before",
    f"DELETE FROM alert_changes n WHERE at_ns < :before AND {_OVER}",  # noqa: S608 - a piece of our own
    f"DELETE FROM acknowledgements n WHERE made_ns < :before AND {_OVER}",  # noqa: S608 - as above
    f"DELETE FROM notices n WHERE made_ns < :before AND coalesce(due_ns, 0) < :before AND {_OVER}",  # noqa: S608 - as above
    "DELETE FROM drills WHERE scheduled_ns < :before",
)

_END_SILENT = text(f"""
WITH over AS (
    UPDATE alerts a SET ended_ns = :now, seq = a.seq + (a.seq > 0)::int,
        facts = a.facts || jsonb_build_object('{SILENT}', 'nothing was heard of its vantage for a week')
    WHERE a.ended_ns IS NULL AND a.vantage <> :own AND a.fired_ns < :since
      AND NOT EXISTS (SELECT FROM standings s WHERE s.vantage = a.vantage AND s.told_at >= to_timestamp(:since / 1e9))
      AND NOT EXISTS (
          SELECT FROM recent r JOIN vantages v ON v.id = r.vantage_id
          WHERE v.name = a.vantage AND r.scheduled_at >= to_timestamp(:since / 1e9))
    RETURNING a.vantage, a.id, a.seq, a.severity, a.facts
)
INSERT INTO alert_changes (vantage, alert, seq, at_ns, what, severity, facts)
SELECT vantage, id, seq, :now, 'ended', severity, facts FROM over ON CONFLICT DO NOTHING
""")  # noqa: S608 - a word of our own


def trim(connection: Connection, before_ns: int) -> None:
    """Forget what ended before an instant, all that is known of it, and what drills asked before it."""
    for statement in _TRIM:
        connection.execute(text(statement), {"before": before_ns})


def end_silent(connection: Connection, own: str, now_ns: int) -> int:
    """End the alerts of other vantages that are gone, and return how many; one that comes back goes on with them."""
    asked = {"own": own, "now": now_ns, "since": now_ns - WEEK_NS}
    return connection.execute(_END_SILENT, asked).rowcount
