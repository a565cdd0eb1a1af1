"""`nephoscope rules`: the Prometheus rules of a configuration, as a file or as objects, and promtool's unit tests of them."""

import argparse
import os
from pathlib import Path
from typing import TextIO

from agent.config.read import read
from agent.errors import ConfigError
from agent.telling.ruling import specs
from exporters.rules import render
from exporters.rules_operator import Metadata, render_operator
from exporters.rules_tests import render_tests


def rules(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Print the rules, or with `--tests` their unit tests; what is left out is told on stderr and in comments."""
    metadata = _metadata(args)
    config = read(Path(args.config), os.environ, no_secrets=True).config
    found = specs(config)
    for note in dict.fromkeys(note for spec in found for note in spec.notes):
        print(f"note: {note}", file=err)
    if args.tests:
        out.write(render_tests(found))
    else:
        out.write(render(found) if metadata is None else render_operator(found, metadata))
    return 0


def _metadata(args: argparse.Namespace) -> Metadata | None:
    """Return what names the operator's objects; None for a rule file, which has no name and no labels."""
    given = {"name": args.name, "namespace": args.namespace, "labels": dict(args.label or ()) or None}
    given = {key: value for key, value in given.items() if value is not None}
    if args.format == "prometheus":
        if given:
            raise ConfigError(
                "--name, --namespace and --label are of objects for the operator; add --format operator, or take them out"
            )
        return None
    if args.tests:
        raise ConfigError(
            "--tests are of a rule file, which promtool reads, and not of the operator's objects; the groups are the "
            "same, so test them with --format prometheus"
        )
    try:
        return Metadata(**given)
    except ValueError as error:
        raise ConfigError(f"--format operator: {error}") from None
