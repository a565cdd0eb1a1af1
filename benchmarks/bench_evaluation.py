"""What an evaluation of many objectives over a month of stored results costs, from counted hours and from rows.

A server of its own is filled with 28 days of results of 100 targets at 30 s (8 million rows; one in 500 fails, and
is settled). Two objectives look at each target, over eight windows each. CPU is told apart: this process, which
stands for the teller, and all processes of Postgres.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from agent.telling.watch import questions_of, statuses_of
from probes.result import ProbeResult
from storage import engine as engines
from storage import migrate
from storage.embedded import Server
from storage.history import PostgresHistory
from storage.results import PostgresStore
from storage.rollups import PostgresRollups
from storage.rows import instant
from support.told import configuration, plan, result

SECOND_NS = 1_000_000_000
DAY_NS = 86_400 * SECOND_NS
TABLES = ("results", "verdicts", "sli_hours", "sli_minutes", "sli_series")
_TICKS = os.sysconf("SC_CLK_TCK")


def loaded(database: Engine, targets: int, every_s: int, days: int, now_ns: int) -> int:
    """Fill the tables as a daemon would have left them, by SQL: each target's one stored result, again and again."""
    first_ns = now_ns - days * DAY_NS
    store = PostgresStore(database)
    names = [f"t{number:03}" for number in range(targets)]
    store.plan(plan(names, every_s * SECOND_NS, valid_from_ns=first_ns, config_hash="bench"))
    for day in range(days + 1):
        at_ns = min(first_ns + day * DAY_NS, now_ns - SECOND_NS)
        store.store([_template(name, at_ns) for name in names], ())
    columns = [name for name in _columns(database) if name not in _MADE]
    statement = text(
        f"INSERT INTO results ({', '.join((*_MADE, *columns))})"
        f" SELECT {', '.join(_MADE.values())}, {', '.join(f'r.{name}' for name in columns)}"
        " FROM results r,"
        " generate_series(CAST(:since AS timestamptz), :until, :every * interval '1 second') AS due"
        " WHERE r.scheduled_at = :template"
        " ON CONFLICT DO NOTHING"
    )
    for day in range(days):
        began_ns = first_ns + day * DAY_NS
        with database.begin() as connection:
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(
                statement,
                {
                    "template": instant(first_ns),
                    "since": instant(began_ns),
                    "until": instant(began_ns + DAY_NS - SECOND_NS),
                    "every": every_s,
                },
            )
        print(f"\rloading day {day + 1} of {days}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    with database.begin() as connection:
        connection.execute(text(_SETTLED))
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM ANALYZE results"))
        return int(connection.execute(text("SELECT count(*) FROM results")).scalar_one())


def _template(name: str, at_ns: int) -> ProbeResult:
    return result(target=name, scheduled_ns=at_ns, started_ns=at_ns, ttft_s=0.5)


def _columns(database: Engine) -> list[str]:
    with database.connect() as connection:
        return list(connection.execute(text("SELECT * FROM results LIMIT 0")).keys())


_MADE = {
    "scheduled_at": "due + (r.target_id % 30) * interval '1 second'",
    "started_ns": "CAST(extract(epoch FROM due) AS bigint) * 1000000000",
    "id": "gen_random_uuid()",
    "outcome": "CASE WHEN random() < 0.002 THEN 'overloaded' ELSE 'ok' END",
    "ttft_us": "CAST(400000 + random() * 1620000 AS int)",
}

_SETTLED = """
    INSERT INTO verdicts (scheduled_at, settled_ns, target_id, probe_id, vantage_id, confirmations, confirmations_bad, fault)
    SELECT scheduled_at, started_ns, target_id, probe_id, vantage_id, 3, 3, 'not_ours'
    FROM results WHERE outcome = 'overloaded'
"""


class Meter:
    """CPU and wall-clock seconds of a piece of work."""

    def __init__(self, postmaster: int) -> None:
        self._postmaster = postmaster

    def measured(self, work: Callable[[], object]) -> dict[str, float]:
        began_s, ours_s, theirs_s = time.perf_counter(), time.process_time(), self._postgres_s()
        work()
        return {
            "wall_s": time.perf_counter() - began_s,
            "python_cpu_s": time.process_time() - ours_s,
            "postgres_cpu_s": self._postgres_s() - theirs_s,
        }

    def _postgres_s(self) -> float:
        """Return what all processes of the server took so far, those that ended too."""
        return sum(self._taken_s()) / _TICKS

    def _taken_s(self) -> Iterator[int]:
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                pid, rest = int(stat.parent.name), stat.read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if pid == self._postmaster:
                yield sum(map(int, rest[11:15]))
            elif int(rest[1]) == self._postmaster:
                yield sum(map(int, rest[11:13]))


def many(run: Callable[[], dict[str, float]], times: int) -> dict[str, float]:
    runs = [run() for _ in range(times)]
    walls = sorted(one["wall_s"] for one in runs)
    means = {name: statistics.fmean(one[name] for one in runs) for name in ("python_cpu_s", "postgres_cpu_s")}
    return {"wall_p50_s": statistics.median(walls), "wall_max_s": walls[-1], **means}


def sizes(database: Engine) -> dict[str, float]:
    with database.connect() as connection:
        found = connection.execute(text(_SIZES), {"tables": list(TABLES)})
        return {table: round(int(size) / 1e6, 1) for table, size in found}


_SIZES = """
    SELECT name, COALESCE(NULLIF((
        SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree(name) WHERE isleaf
    ), 0), pg_total_relation_size(name)) FROM unnest(CAST(:tables AS text[])) AS name
"""


def measured(args: argparse.Namespace) -> dict[str, Any]:
    now_ns = time.time_ns()
    config = configuration(*(f"t{number:03}" for number in range(args.targets)))
    # The daemon's own settings, but for what makes loading quick.
    with tempfile.TemporaryDirectory(prefix="nephoscope bench ") as folder:
        server = Server(Path(folder) / "postgres", settings={"fsync": "off", "max_wal_size": "8GB"})
        server.start()
        database = engines.create(server.url)
        try:
            migrate.upgrade(database)
            began_s = time.perf_counter()
            rows = loaded(database, args.targets, args.every, args.days, now_ns)
            loading_s = time.perf_counter() - began_s
            meter = Meter(server.pid or 0)
            history, rollups = PostgresHistory(database), PostgresRollups(database)

            def evaluation() -> dict[str, float]:
                return meter.measured(lambda: statuses_of(config, history, now_ns))

            def fill() -> None:
                while rollups.advance(questions_of(config, now_ns), now_ns):
                    pass

            return {
                "load": os.getloadavg()[0],
                "rows": rows,
                "objectives": len(statuses_of(config, history, now_ns)),
                "loading_s": loading_s,
                "from_rows": many(evaluation, args.raw),
                "first_fill": meter.measured(fill),
                "warm": many(evaluation, args.times),
                "nothing_to_count": many(lambda: meter.measured(fill), 3),
                "megabytes": sizes(database),
            }
        finally:
            database.dispose()
            server.stop()


def shown(found: dict[str, Any]) -> None:
    print(
        f"{found['objectives']} objectives, {found['rows']:,} rows (loaded in {found['loading_s']:.0f} s);"
        f" load {found['load']:.1f}"
    )
    for name in ("from_rows", "first_fill", "warm", "nothing_to_count"):
        told = "  ".join(f"{key} {value:.3f}" for key, value in found[name].items())
        print(f"{name:<18}{told}")
    print("megabytes         " + "  ".join(f"{table} {size}" for table, size in found["megabytes"].items()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", type=int, default=100)
    parser.add_argument("--every", type=int, default=30, help="seconds between probes")
    parser.add_argument("--days", type=int, default=28)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--raw", type=int, default=2, help="evaluations from rows alone")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    results = measured(args)
    if args.json:
        print(json.dumps(results, indent=1))
    else:
        shown(results)
