import psycopg
import pytest
from sqlalchemy import event, make_url
from sqlalchemy.exc import DBAPIError, OperationalError

from storage import engine
from storage.base import StoreUnavailableError
from storage.engine import DatabaseURLError, edge, is_row_fault, sentence, url_from

PASSWORD = "hunter2/secret"  # a planted one


def wrapped(error: psycopg.Error) -> DBAPIError:
    return OperationalError("INSERT ...", {}, error)


def test_a_url_of_parts_keeps_odd_passwords() -> None:
    """Whatever stands in a password, it reaches the driver as it is."""
    url = url_from(host="pg.internal", database="n", user="u", password=PASSWORD, port=6432)
    parsed = make_url(url)
    assert (parsed.password, parsed.port, parsed.query["sslmode"]) == (PASSWORD, 6432, "verify-full")


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_the_usual_schemes_are_postgres(scheme: str) -> None:
    """What other tools call the same thing is understood."""
    assert engine.create(f"{scheme}://u@h/d").url.drivername == "postgresql+psycopg"


@pytest.mark.parametrize(
    "url", ["", "no url", f"postgresql://u:{PASSWORD}@h:port/d", f"mysql://u:{PASSWORD}@h/d"]
)
def test_a_url_that_is_none_is_refused_without_repeating_it(url: str) -> None:
    """It may hold a password."""
    with pytest.raises(DatabaseURLError) as caught:
        engine.create(url)
    assert "postgresql://" in str(caught.value)
    assert PASSWORD not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_database_that_is_away_is_a_sentence_without_the_password() -> None:
    """What was being done, where, why it failed, and what to do."""
    away = engine.create(f"postgresql://u:{PASSWORD.replace('/', '%2F')}@127.0.0.1:1/history")
    with pytest.raises(StoreUnavailableError) as caught, edge(away, "Storing results"), away.connect():
        pass
    said = str(caught.value)
    assert said.startswith("Storing results in the database history on 127.0.0.1 failed: ")
    assert "connection" in said
    assert "It is tried again" in said
    assert PASSWORD not in said


def test_a_password_in_the_drivers_words_is_struck_out() -> None:
    """Drivers repeat what they cannot read."""
    url = make_url("postgresql://u@h/d").set(password=PASSWORD)
    said = sentence(url, "Asking", psycopg.OperationalError(f"bad conninfo: password={PASSWORD}"))
    assert PASSWORD not in said
    assert "password=***" in said


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (psycopg.errors.UndefinedTable("no results"), "run `nephoscope migrate`"),
        (psycopg.errors.InsufficientPrivilege("no"), "lacks a right"),
        (psycopg.errors.DiskFull("full"), "Give the database room"),
        (psycopg.errors.InvalidPassword("no"), "Check user and password"),
        (psycopg.errors.ReadOnlySqlTransaction("standby"), "It is tried again"),
    ],
)
def test_what_the_server_says_has_its_remedy(error: psycopg.Error, remedy: str) -> None:
    """Each state that somebody can mend names how."""
    assert remedy in sentence(make_url("postgresql://u@h/d"), "Asking", wrapped(error))


def test_only_what_a_row_holds_is_a_rows_fault() -> None:
    """A row's fault fails for ever and is isolated; all else may be over later and is tried again."""
    faults = [
        wrapped(psycopg.errors.NumericValueOutOfRange()),
        wrapped(psycopg.errors.NotNullViolation()),
        wrapped(psycopg.errors.ProgramLimitExceeded()),
        psycopg.DataError("NUL"),
        UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates"),
    ]
    others = [
        wrapped(psycopg.errors.DiskFull()),
        wrapped(psycopg.errors.LockNotAvailable()),
        wrapped(psycopg.errors.DeadlockDetected()),
        wrapped(psycopg.errors.UndefinedTable()),
    ]
    assert [is_row_fault(error) for error in faults] == [True] * 5
    assert [is_row_fault(error) for error in others] == [False] * 4


@pytest.mark.parametrize(
    ("now", "expected"),
    [(f"postgresql://u:{PASSWORD.replace('/', '%2F')}@h/d", ("u", PASSWORD)), ("", ("u", "old"))],
)
def test_a_connection_is_made_with_the_password_of_now(now: str, expected: tuple[str, str]) -> None:
    """It may have been rotated since the start; where that cannot be told, the one of the start is tried."""
    tried = []
    made = engine.create("postgresql://u:old@h/d", renew=lambda: now)

    @event.listens_for(made, "do_connect")
    def stop(_dialect: object, _record: object, _arguments: object, parameters: dict[str, str]) -> None:
        tried.append((parameters["user"], parameters["password"]))
        raise psycopg.OperationalError("far enough")

    with pytest.raises(OperationalError):
        made.connect()
    assert tried == [expected]
