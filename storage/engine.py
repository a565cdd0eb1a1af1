"""Connections to Postgres: short timeouts, and the one edge where foreign exceptions become ours."""

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from storage.base import StoreUnavailableError

CONNECT_TIMEOUT_S = 5
STATEMENT_TIMEOUT_S = 30
LOCK_TIMEOUT_S = 5


class DatabaseURLError(ValueError):
    """The database's URL or its parts cannot be used, in a sentence that holds no password."""


def url_from(
    *,
    host: str,
    database: str,
    user: str | None = None,
    password: str | None = None,
    port: int | None = None,
    sslmode: str = "verify-full",
) -> str:
    """Return a database URL of parts, quoted where they need it.

    >>> url_from(host="pg", database="n", user="a@b", password="p/w", sslmode="require")
    'postgresql+psycopg://a%40b:p%2Fw@pg/n?sslmode=require'
    """
    url = URL.create("postgresql+psycopg", user, password, host, port, database, query={"sslmode": sslmode})
    return url.render_as_string(hide_password=False)


def create(url: str, *, pool_size: int = 6, renew: Callable[[], str] | None = None) -> Engine:
    """Return an engine; nothing is connected yet. DatabaseURLError where the URL is not one of Postgres.

    Whoever hangs, hangs for seconds: 5 to connect, 30 a statement, 5 a lock, and 25 until a peer that fell
    silent is given up (keep-alives after 10 s of silence, three of them 5 s apart). `renew` returns the URL of
    now, whose user and password each new connection takes: they may have been rotated.
    """
    parsed = _parsed(url)
    options = f"-c statement_timeout={STATEMENT_TIMEOUT_S}s -c lock_timeout={LOCK_TIMEOUT_S}s -c timezone=UTC"
    asked = parsed.query.get("options")
    made = create_engine(
        parsed.difference_update_query(["options"]),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=CONNECT_TIMEOUT_S,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={
            "application_name": "nephoscope",
            "connect_timeout": CONNECT_TIMEOUT_S,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 25_000,
            # PgBouncer's transaction pooling knows no prepared statements.
            "prepare_threshold": None,
            "options": f"{asked} {options}" if isinstance(asked, str) else options,
        },
    )
    if renew is not None:
        event.listen(made, "do_connect", functools.partial(_renewed, renew))
    return made


def _renewed(
    renew: Callable[[], str], _dialect: Any, _record: Any, _arguments: Any, parameters: dict[str, Any]
) -> None:
    with contextlib.suppress(DatabaseURLError):
        now = _parsed(renew())
        parameters |= {
            key: value for key, value in (("user", now.username), ("password", now.password)) if value
        }


def _parsed(url: str) -> URL:
    """Read the URL and choose the driver; what is wrong is said without repeating the URL: it holds a password."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise DatabaseURLError(
            "storage.url is not a URL: write postgresql://user:password@host:5432/database, "
            "with %-escapes for / @ : in the password."
        ) from None
    if parsed.drivername not in {"postgres", "postgresql", "postgresql+psycopg"}:
        raise DatabaseURLError(
            f"storage.url names {parsed.drivername}: history is kept in Postgres, so write postgresql://..."
        )
    return parsed.set(drivername="postgresql+psycopg")


@contextlib.contextmanager
def edge(engine: Engine, doing: str) -> Iterator[None]:
    """Translate what the driver and SQLAlchemy raise into StoreUnavailableError, in a sentence.

    All but a row's own fault (`is_row_fault`, handled where rows are written) may be over later: no connection,
    no disk, a lock, a standby that takes no writes, a schema that a job has not migrated yet.
    """
    try:
        yield
    except (SQLAlchemyError, psycopg.Error) as error:
        raise StoreUnavailableError(sentence(engine.url, doing, error)) from error


def is_row_fault(error: Exception) -> bool:
    """Say whether a statement failed for what a row holds, so that it would fail for ever.

    SQLSTATE classes 22 (data), 23 (integrity) and 54 (a limit of the program, such as an index entry's size).
    """
    if isinstance(error, (ValueError, OverflowError)):  # the driver could not even write it down
        return True
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, (psycopg.DataError, psycopg.IntegrityError)):
        return True
    return isinstance(cause, psycopg.Error) and (cause.sqlstate or "").startswith("54")


def sentence(url: URL, doing: str, error: Exception) -> str:
    """Say what failed, where and why, with the remedy and without the password."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    lines = str(cause).strip().splitlines()
    reason = lines[0] if lines else type(cause).__name__
    if url.password:
        reason = reason.replace(str(url.password), "***")
    where = f"{url.database} on {url.host or url.query.get('host') or 'the default socket'}"
    remedy = _remedy(cause)
    return f"{doing} in the database {where} failed: {reason.rstrip('.')}. {remedy}"


def _remedy(cause: BaseException) -> str:
    state = getattr(cause, "sqlstate", None) or ""
    if state in {"42P01", "42703", "3F000"}:
        return "Its schema is missing or older than this release: run `nephoscope migrate`."
    if state == "42501":
        return "Its user lacks a right: grant it CREATE on the schema and ownership of its tables."
    if state in {"28P01", "28000"}:
        return "Check user and password under `storage`."
    if state.startswith("53"):
        return "Give the database room (disk, memory or connections)."
    return "It is tried again; check that the database is up and can be reached."
