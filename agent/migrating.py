"""`nephoscope migrate`: brings the schema up to date, or prints the SQL that would."""

import argparse
from typing import TextIO

from agent.config.read import load
from agent.database import database_url
from storage import engine
from storage import migrate as migrations


def migrate(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Migrate the configured database; with `--sql` touch nothing and print."""
    config = load(args.config)
    if args.sql:
        out.write(migrations.sql())
        return 0
    with database_url(config) as url:
        opened = engine.create(url)
        try:
            migrations.upgrade(opened)
        finally:
            opened.dispose()
    print("The schema is up to date.", file=err)
    return 0
