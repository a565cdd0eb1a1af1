"""The named questions to Postgres, answered from raw rows against the thresholds that are asked about."""

from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import Connection, Engine, text

from probes.result import SCHEDULED, Fault
from storage import plans, rows
from storage.counting import Counted, Edges, Pair, Rule, Tally, class_sql, grouped, pair_of
from storage.dictionaries import Dictionaries
from storage.engine import edge
from storage.readings import PlanRow, SliCounts, SliQuestion, SlotRow


class PostgresHistory:
    """Reads what `PostgresStore` keeps. For one thread at a time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._dictionaries = Dictionaries(engine)

    def counts(self, questions: Sequence[SliQuestion]) -> list[SliCounts]:
        """Answer in the order of the questions.

        However many objectives and windows ask about a pair, its rows are read once: they are counted by class
        in the segments between all the windows' edges, and each window is the sum of its segments.
        """
        tallies: dict[Pair, Tally] = {}
        with edge(self._engine, "Counting events"):
            for (rules, edges), pairs in grouped(questions).items():
                known = self._known(pairs)
                with self._engine.connect() as connection:
                    tally = Tally(rules, edges, _counted(connection, rules, edges, known))
                tallies |= dict.fromkeys(pairs, tally)
        return [tallies[pair_of(question)].answer(question) for question in questions]

    def plans(self, vantage: str, since_ns: int, until_ns: int) -> list[PlanRow]:
        with edge(self._engine, "Reading plans"), self._engine.connect() as connection:
            return plans.read(connection, vantage, since_ns, until_ns)

    def latest(self, vantage: str, limit_per_probe: int = 1) -> list[SlotRow]:
        """Return the newest scheduled attempts of each (target, probe) whole, newest first.

        They come from the ring: of a probe that others crowd out of it, the last 20 at most.
        """
        with edge(self._engine, "Reading the latest results"), self._engine.connect() as connection:
            found = connection.execute(text(_LATEST), {"vantage": vantage, "limit": limit_per_probe})
            return [
                SlotRow(result=rows.whole(row, detail), fault=Fault(fault) if fault else None)
                for row, detail, fault in found
            ]

    def attempts(self, target: str, since_ns: int, until_ns: int) -> list[SlotRow]:
        """Return all attempts at a target with scheduled_at in [since, until), oldest first, without their detail."""
        with edge(self._engine, "Reading results"), self._engine.connect() as connection:
            found = connection.execute(
                text(_ATTEMPTS),
                {"target": target, "since": rows.instant_up(since_ns), "until": rows.instant_up(until_ns)},
            )
            return [
                SlotRow(result=rows.restored(row), fault=Fault(row["fault"]) if row["fault"] else None)
                for row in found.mappings()
            ]

    def _known(self, pairs: Sequence[Pair]) -> dict[tuple[int, ...], Pair]:
        """Return ids -> pair, for those that the store has ever heard of."""
        names = zip(*pairs, strict=True)
        ids = [
            self._dictionaries.known(table, names_of) for table, names_of in zip(_PAIR, names, strict=True)
        ]
        return {
            tuple(known[name] for known, name in zip(ids, pair, strict=True)): pair
            for pair in pairs
            if all(name in known for known, name in zip(ids, pair, strict=True))
        }


_PAIR = ("targets", "probes", "vantages")


def _counted(
    connection: Connection, rules: Sequence[Rule], edges: Edges, pairs: Mapping[tuple[int, ...], Pair]
) -> Iterator[Counted]:
    if not pairs:
        return
    instants = [rows.instant_up(at) for at in edges]
    ids = {table: list(column) for table, column in zip(_PAIR, zip(*pairs, strict=True), strict=True)}
    found = connection.execute(
        text(_count_sql(rules)), {"edges": instants, "since": instants[0], "until": instants[-1], **ids}
    )
    for target, probe, vantage, segment, count, *classes in found:
        yield Counted(pairs[target, probe, vantage], segment, tuple(classes), count)


def _count_sql(rules: Sequence[Rule]) -> str:
    """Return one pass over the rows: each is put into its segment and classed by every rule, then counted."""
    columns = ["r.target_id", "r.probe_id", "r.vantage_id"]
    columns += ["width_bucket(r.scheduled_at, CAST(:edges AS timestamptz[]))", *map(class_sql, rules)]
    picked = ", ".join([*columns[:4], "count(*)", *columns[4:]])
    places = ", ".join(str(place) for place in range(1, len(columns) + 2) if place != 5)
    return f"""
        SELECT {picked} FROM results r
        JOIN unnest(CAST(:targets AS int[]), CAST(:probes AS smallint[]), CAST(:vantages AS smallint[]))
          AS asked (target_id, probe_id, vantage_id)
          ON r.target_id = asked.target_id AND r.probe_id = asked.probe_id AND r.vantage_id = asked.vantage_id
        LEFT JOIN verdicts v ON {_SAME_SLOT} AND v.scheduled_at >= :since AND v.scheduled_at < :until
        WHERE r.scheduled_at >= :since AND r.scheduled_at < :until AND r.attempt = {SCHEDULED}
        GROUP BY {places}
    """  # noqa: S608 - numbers and names of our own


_SAME_SLOT = (
    "v.target_id = r.target_id AND v.scheduled_at = r.scheduled_at"
    " AND v.probe_id = r.probe_id AND v.vantage_id = r.vantage_id"
)

_LATEST = f"""
    SELECT r.row, r.detail, v.fault FROM (
        SELECT recent.*, row_number() OVER (
            PARTITION BY target_id, probe_id ORDER BY scheduled_at DESC
        ) AS place
        FROM recent JOIN vantages ON vantages.id = vantage_id
        WHERE vantages.name = :vantage AND attempt = {SCHEDULED}
    ) r
    LEFT JOIN verdicts v ON {_SAME_SLOT}
    WHERE place <= :limit
    ORDER BY r.scheduled_at DESC, r.target_id, r.probe_id
"""  # noqa: S608 - numbers and names of our own

_ATTEMPTS = f"""
    SELECT r.*, {", ".join(f"revisions.{name}" for name in rows.REVISION)}, targets.name AS target, probes.name AS probe, vantages.name AS vantage,
        models.name AS response_model, peers.name AS peer, error_codes.name AS error_code,
        backends.name AS backend, fingerprints.name AS fingerprint,
        CASE WHEN r.attempt = {SCHEDULED} THEN v.fault END AS fault
    FROM results r
    JOIN targets ON targets.id = r.target_id
    JOIN probes ON probes.id = r.probe_id
    JOIN vantages ON vantages.id = r.vantage_id
    JOIN revisions ON revisions.id = r.revision_id
    LEFT JOIN models ON models.id = r.response_model_id
    LEFT JOIN peers ON peers.id = r.peer_id
    LEFT JOIN error_codes ON error_codes.id = r.error_code_id
    LEFT JOIN backends ON backends.id = r.backend_id
    LEFT JOIN fingerprints ON fingerprints.id = r.fingerprint_id
    LEFT JOIN verdicts v ON {_SAME_SLOT}
    WHERE targets.name = :target AND r.scheduled_at >= :since AND r.scheduled_at < :until
    ORDER BY r.scheduled_at, probe, vantage, r.attempt
"""  # noqa: S608 - numbers and names of our own
