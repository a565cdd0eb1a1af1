"""The database of a configuration for a short command: the running embedded server, else one of our own."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Engine

from agent.config.model import Config
from agent.config.secrets import Secrets
from agent.drill_file import is_watched
from agent.errors import NephoscopeError
from agent.parent import state_folder
from storage import embedded, engine, migrate
from storage.binaries import EmbeddedError


@contextlib.contextmanager
def database_url(config: Config) -> Iterator[str]:
    """Yield the URL; an embedded server that does not run is started, and stopped afterwards."""
    if not config.storage.embedded:
        yield Secrets.of(config, os.environ).resolve_url(config.storage.url or "")
        return
    folder = Path(config.state_dir) / "postgres"
    server = embedded.Server(folder)
    if server.alive():
        yield server.url
        return
    with state_folder(Path(config.state_dir)):
        try:
            server.start()
            yield server.url
        except EmbeddedError as failure:
            raise NephoscopeError(str(failure)) from failure
        finally:
            server.stop()


def unwatched(config: Config) -> bool:
    """Return whether no daemon runs on the embedded database; of a named one nobody can tell from here."""
    return config.storage.embedded and not is_watched(Path(config.state_dir))


@contextlib.contextmanager
def opened(config: Config) -> Iterator[Engine]:
    """Yield an engine on a migrated database."""
    with database_url(config) as url:
        opened_engine = engine.create(url)
        try:
            if config.storage.migrate:
                migrate.upgrade(opened_engine)
            yield opened_engine
        finally:
            opened_engine.dispose()
