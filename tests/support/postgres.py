"""Real Postgres for tests: one embedded server a worker, and a database of its own for each test that asks."""

import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, make_url

from storage import engine, migrate
from storage.embedded import Server

SYSTEM = Path("/usr/lib/postgresql")
"""Where Debian installs Postgres, by major version."""

_numbers = itertools.count(1)

FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""A server that is thrown away need not survive the machine."""

COPIED = "STRATEGY FILE_COPY"
"""Copying the files takes 40 ms of a processor, writing the copy into the log (the usual way from Postgres 15) 65."""


def place() -> tempfile.TemporaryDirectory[str]:
    """Return a private temporary folder with a short path and a space in it."""
    return tempfile.TemporaryDirectory(prefix="nephoscope test ")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """Yield a running server of this session's (with xdist: of this worker's) own."""
    with place() as folder:
        server = Server(Path(folder) / "postgres", settings=FAST)
        server.start()
        yield server
        server.stop()


@pytest.fixture
def empty_url(postgres: Server) -> str:
    """Return the URL of a new database without tables; it goes with the server."""
    return _created(postgres, "template1", COPIED)


@pytest.fixture(scope="session")
def _migrated_template(postgres: Server) -> str:
    url = _created(postgres, "template1")
    migrate.upgrade(url)
    return make_url(url).database or ""


@pytest.fixture
def migrated_url(postgres: Server, _migrated_template: str) -> str:
    """Return the URL of a new database with the schema of this release."""
    return _created(postgres, _migrated_template, COPIED)


@pytest.fixture
def database(migrated_url: str) -> Iterator[Engine]:
    """Yield an engine on a new migrated database."""
    made = engine.create(migrated_url)
    yield made
    made.dispose()


@pytest.fixture(scope="session")
def system_postgres() -> Iterator[Server]:
    """Yield a running server of the newest Postgres that the system has installed."""
    installed = sorted(SYSTEM.glob("*/bin/initdb"), key=lambda initdb: float(initdb.parts[-3]))
    if not installed:
        pytest.skip(f"no Postgres is installed under {SYSTEM}")
    with place() as folder:
        server = Server(Path(folder) / "postgres", binaries=installed[-1].parent, settings=FAST)
        server.start()
        yield server
        server.stop()


@pytest.fixture
def system_database(system_postgres: Server) -> Iterator[Engine]:
    """Yield an engine on a new migrated database of the system's Postgres."""
    made = engine.create(_created(system_postgres, "template1"))
    migrate.upgrade(made)
    yield made
    made.dispose()


def connect(url: str) -> psycopg.Connection[tuple[object, ...]]:
    """Return an autocommitting connection past all of ours."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain, autocommit=True)


def _created(server: Server, template: str, strategy: str = "") -> str:
    name = f"test_{next(_numbers)}"
    with connect(server.url) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} {strategy}")
    return make_url(server.url).set(database=name).render_as_string(hide_password=False)
