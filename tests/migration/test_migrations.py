import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Engine, Integer, MetaData, inspect, text

from storage import engine as engines
from storage import migrate, schema
from storage.base import StoreUnavailableError
from storage.migrate import SchemaError
from storage.results import PostgresStore
from support.postgres import connect
from support.results import STARTED_NS, a_result

ALL = ["0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010"]
HEAD = ALL[-1]


def differences(database: Engine) -> list[object]:
    def ours(name: str | None, kind: str, _parents: object) -> bool:
        return not (kind == "table" and name is not None and schema.is_partition(name))

    with database.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": ours})
        return list(compare_metadata(context, schema.metadata))


def test_the_models_equal_the_sum_of_the_migrations(database: Engine) -> None:
    """Tables, columns, types, constraints and indexes; partitions made at run time are nobody's difference."""
    PostgresStore(database, now_ns=lambda: STARTED_NS).store([a_result()], ())
    assert differences(database) == []


def test_a_difference_would_be_seen(database: Engine) -> None:
    """The test above can fail."""
    with database.begin() as connection:
        connection.execute(text("ALTER TABLE plans DROP COLUMN reason"))
        connection.execute(text("ALTER TABLE recent ALTER COLUMN target_id TYPE bigint"))
    assert len(differences(database)) == 2


def test_autogenerate_through_our_env_makes_nothing_of_partitions(database: Engine) -> None:
    """`alembic check` over migrations/env.py, as whoever writes the next migration would run it."""
    PostgresStore(database, now_ns=lambda: STARTED_NS).store([a_result()], ())
    config = Config()
    config.set_main_option("script_location", str(migrate.folder()))
    with database.begin() as connection:
        config.attributes["connection"] = connection
        command.check(config)


def test_names_orders_and_partitioning_are_those_of_the_models(database: Engine) -> None:
    """What autogenerate does not compare: constraint names, the order of columns, the partition key."""
    inspector = inspect(database)
    for table in schema.metadata.sorted_tables:
        assert [column["name"] for column in inspector.get_columns(table.name)] == list(table.c.keys())
        assert inspector.get_pk_constraint(table.name)["name"] == f"pk_{table.name}"
    with database.connect() as connection:
        found = connection.execute(
            text("SELECT partrelid::regclass::text, pg_get_partkeydef(partrelid) FROM pg_partitioned_table")
        )
        keys = {table: key for table, key in found}  # noqa: C416 - dict() does not know rows as pairs
    assert keys == dict.fromkeys(schema.PARTITIONED, "RANGE (scheduled_at)")


ADDED_LATER = ("tokens_per_s", "checked")
"""Columns that came with a later migration stand behind the others, whatever their width."""


def test_columns_go_from_wide_to_narrow(database: Engine) -> None:
    """8 bytes, 4, 2, 1, then what varies: no row of results is padded, but for what came later."""
    with database.connect() as connection:
        widths = (
            connection.execute(
                text(
                    "SELECT CASE WHEN typlen < 0 OR typlen = 16 THEN 0 ELSE typlen END FROM pg_attribute"
                    " JOIN pg_type ON pg_type.oid = atttypid"
                    " WHERE attrelid = to_regclass('results') AND attnum > 0 AND attname <> ALL (:later) ORDER BY attnum"
                ),
                {"later": list(ADDED_LATER)},
            )
            .scalars()
            .all()
        )
    assert list(widths) == sorted(widths, reverse=True)


def test_upgrade_tells_what_it_did_and_then_has_nothing_to_do(empty_url: str) -> None:
    """From an empty database to this release, and again."""
    assert migrate.pending(empty_url) == ALL
    assert migrate.upgrade(empty_url) == ALL
    assert migrate.pending(empty_url) == []
    assert migrate.upgrade(empty_url) == []


def test_two_that_migrate_at_once_do_it_once(empty_url: str) -> None:
    """The lock makes the second wait, and it finds it done."""
    barrier = threading.Barrier(3)

    def run(_: int) -> list[str]:
        barrier.wait()
        return migrate.upgrade(empty_url)

    with ThreadPoolExecutor(3) as pool:
        done = sorted(pool.map(run, range(3)))
    assert done == [[], [], ALL]


def test_a_migration_that_fails_leaves_nothing(empty_url: str) -> None:
    """All of it is one transaction."""
    with connect(empty_url) as other:
        other.execute("CREATE TABLE corrections (mine int)")
        with pytest.raises(StoreUnavailableError, match="already exists"):
            migrate.upgrade(empty_url)
        tables = other.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert tables == (1,)


@pytest.mark.parametrize("ask", [migrate.upgrade, migrate.pending])
def test_a_newer_database_is_a_sentence(migrated_url: str, ask: object) -> None:
    """An older release leaves it alone and says which is needed."""
    with connect(migrated_url) as other:
        other.execute("UPDATE alembic_version SET version_num = '0999'")
    assert callable(ask)
    with pytest.raises(SchemaError, match=r"revision 0999.*Install that one"):
        ask(migrated_url)


def test_a_database_without_schema_says_to_migrate(empty_url: str) -> None:
    """Where a job migrates and has not run yet, the store waits for it."""
    engine = engines.create(empty_url)
    with pytest.raises(StoreUnavailableError, match="nephoscope migrate"):
        PostgresStore(engine).store([a_result()], ())
    engine.dispose()


def test_the_printed_sql_builds_the_same_schema(empty_url: str) -> None:
    """Whoever may not let us migrate can run it by hand."""
    with connect(empty_url) as other:
        other.execute(migrate.sql().encode())
    assert migrate.pending(empty_url) == []
    engine = engines.create(empty_url)
    assert differences(engine) == []
    engine.dispose()


def test_downgrading_leaves_only_alembics_own_table(migrated_url: str) -> None:
    """The way back, for whoever writes the next migration."""
    engine = engines.create(migrated_url)
    config = Config()
    config.set_main_option("script_location", str(migrate.folder()))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    assert inspect(engine).get_table_names() == ["alembic_version"]
    engine.dispose()


def test_files_are_named_by_their_revision_in_one_line() -> None:
    """NNNN_what.py, one after the other, no branches."""
    scripts = list(ScriptDirectory(str(migrate.folder())).walk_revisions())
    assert next(script.revision for script in scripts) == HEAD
    for script in scripts:
        assert re.fullmatch(rf"{script.revision}_[a-z_]+\.py", Path(script.path).name)
        assert script.down_revision is None or int(str(script.down_revision)) == int(script.revision) - 1


def test_migrations_are_found_beside_storage_and_inside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkout has them at the top, the wheel inside storage."""
    room = tmp_path / "site-packages" / "storage"
    room.mkdir(parents=True)
    monkeypatch.setattr("storage.__file__", str(room / "__init__.py"))
    assert migrate.folder() == room.parent / "migrations"
    (room / "migrations").mkdir()
    assert migrate.folder() == room / "migrations"


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("results_20261122", True),
        ("failures_202611", True),
        ("verdicts_default", True),
        ("results", False),
        ("recent_20261122", False),
        ("results_of_mine", False),
    ],
)
def test_only_run_time_partitions_are_overlooked(name: str, is_one: bool) -> None:  # noqa: FBT001 - a parameter of the table above
    """A table of another name is a difference."""
    assert schema.is_partition(name) is is_one


def test_an_added_model_column_is_a_difference(database: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model without its migration is seen too."""
    table = schema.corrections.to_metadata(MetaData())
    table.append_column(Column("extra", Integer))
    with database.connect() as connection:
        found = compare_metadata(
            MigrationContext.configure(
                connection,
                opts={"include_name": lambda name, kind, _: kind != "table" or name == "corrections"},
            ),
            table.metadata,
        )
    assert len(found) == 1
