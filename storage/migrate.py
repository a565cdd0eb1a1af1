"""Brings a database to the schema of this release, one process at a time."""

import io
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

import storage
from storage import engine as engines
from storage.base import StoreUnavailableError
from storage.locks import Lock

_WAIT_S = 120
"""How long one process waits for another's migration."""


class SchemaError(StoreUnavailableError):
    """The database's schema is not one that this release can bring up to date."""


def folder() -> Path:
    """Return where the migrations lie: in the wheel beside storage's files, in a checkout beside storage."""
    room = Path(storage.__file__).parent
    inside = room / "migrations"
    return inside if inside.exists() else room.parent / "migrations"


def upgrade(database: Engine | str) -> list[str]:
    """Bring the schema up to date and return the revisions that were applied, in order.

    All of it is one transaction under an advisory lock: whoever comes second finds it done. SchemaError where
    a newer release was here; StoreUnavailableError where the database is away.
    """
    engine = engines.create(database) if isinstance(database, str) else database
    try:
        with engines.edge(engine, "Migrating the schema"), engine.begin() as connection:
            connection.execute(text(f"SET LOCAL lock_timeout = '{_WAIT_S}s'"))
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": Lock.MIGRATION})
            missing = _missing(connection)
            if missing:
                command.upgrade(_config(connection), "head")
            return missing
    finally:
        if engine is not database:
            engine.dispose()


def pending(database: Engine | str) -> list[str]:
    """Return the revisions that the database lacks, in order; SchemaError where it is newer than this release."""
    engine = engines.create(database) if isinstance(database, str) else database
    try:
        with engines.edge(engine, "Reading the schema's revision"), engine.connect() as connection:
            return _missing(connection)
    finally:
        if engine is not database:
            engine.dispose()


def newest() -> str:
    """Return the revision that this release brings a database to."""
    return ScriptDirectory(str(folder())).get_heads()[0]


def sql() -> str:
    """Return the SQL of all migrations, for a database that has none yet."""
    printed = io.StringIO()
    config = _config(None)
    config.output_buffer = printed
    command.upgrade(config, "head", sql=True)
    return printed.getvalue()


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(folder()).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _missing(connection: Connection) -> list[str]:
    known = [script.revision for script in ScriptDirectory(str(folder())).walk_revisions()]
    here = MigrationContext.configure(connection).get_current_revision()
    if here is None:
        return known[::-1]
    if here not in known:
        raise SchemaError(
            f"The database {connection.engine.url.database} has the schema revision {here}, and this release knows "
            f"{known[0]} as the newest: a newer release was here. Install that one, or restore a backup from before."
        )
    return known[: known.index(here)][::-1]
