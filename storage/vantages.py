"""What vantages tell each other, in Postgres: how old it is, its clock says, for theirs may differ."""

from collections.abc import Sequence

from sqlalchemy import Engine, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert

from storage import schema
from storage.engine import edge
from storage.readings import StandingRow

_SAID = ("vantage", "target", "asks", "state")
_GONE = text("INTERVAL '1 day'")


class PostgresVantages:
    """Standings as rows, one for each target of each vantage."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def tell(self, rows: Sequence[StandingRow]) -> None:
        if not rows:
            return
        table, now = schema.standings, func.clock_timestamp()
        said = [{name: getattr(row, name) for name in _SAID} | {"told_at": now} for row in rows]
        statement = insert(table).values(said)
        changes = {name: statement.excluded[name] for name in ("told_at", "asks", "state")}
        statement = statement.on_conflict_do_update(index_elements=["vantage", "target"], set_=changes)
        with edge(self._engine, "Telling other vantages"), self._engine.begin() as connection:
            connection.execute(statement)
            connection.execute(delete(table).where(table.c.told_at < now - _GONE))

    def heard(self, vantage: str) -> list[StandingRow]:
        table = schema.standings
        age_s = func.extract("epoch", func.clock_timestamp() - table.c.told_at).label("age_s")
        query = (
            select(*(table.c[name] for name in _SAID), age_s)
            .where(table.c.vantage != vantage)
            .order_by(table.c.vantage.collate("C"), table.c.target.collate("C"))
        )
        with edge(self._engine, "Hearing other vantages"), self._engine.connect() as connection:
            found = connection.execute(query).mappings()
            return [StandingRow(**{**row, "age_s": max(0.0, float(row["age_s"]))}) for row in found]
