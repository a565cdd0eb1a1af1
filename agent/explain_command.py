"""`nephoscope explain`: every number behind an alert, alive or past, from stored rows."""

import argparse
import json
import os
from pathlib import Path
from typing import TextIO

from agent.alert_names import meant
from agent.config.read import read
from agent.database import opened
from agent.explain_text import lines
from agent.explanation import gathered
from storage.alerts import PostgresAlerts
from storage.history import PostgresHistory
from storage.outbox import PostgresOutbox


def explain(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:  # noqa: ARG001 - as every command
    """Print the newest occurrence that the words mean."""
    config = read(Path(args.config), os.environ, no_secrets=True).config
    with opened(config) as engine:
        alerts = PostgresAlerts(engine)
        alert = meant(alerts, config.vantage, args.alert, alive=False)
        found = gathered(config, alert, alerts, PostgresOutbox(engine), PostgresHistory(engine))
    if args.json:
        print(json.dumps(found.plain(), ensure_ascii=False), file=out)
        return 0
    for line in lines(found):
        print(line, file=out)
    return 0
