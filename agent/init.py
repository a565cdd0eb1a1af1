"""`nephoscope init`: a first file from what the environment offers; it names variables, and never holds their values."""

import argparse
import os
from pathlib import Path
from typing import TextIO

from agent.check import lines
from agent.config.read import read_text
from agent.errors import ConfigError, NephoscopeError
from agent.figures import figures
from agent.offers import offers, told
from agent.starter import document

NOTHING_FOUND = 1


def init(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:  # noqa: ARG001 - every command takes both
    """Write the file and tell what was found and what it comes to; 1 where --found was asked and nothing was."""
    path = Path(args.file or args.config)
    if path.exists():
        raise ConfigError(
            f"{path}: is there already, and is never written over; name another file, or move it away"
        )
    found = offers(os.environ)
    print(*told(found), sep="\n", file=out)
    if args.found and not any(offer.usable for offer in found):
        print(
            "Nothing was written: set the variables of a provider, as in export OPENAI_API_KEY=...", file=out
        )
        return NOTHING_FOUND
    text = document(found)
    # Judged before it is written: a variable may hold what no header can carry.
    loaded = read_text(text, path, os.environ)
    _write(path, text)
    print(
        f"Wrote {path}: read it and change it; `nephoscope run` and `make run` use it from now on.", file=out
    )
    print("", *lines(path, loaded, figures(loaded.config)), sep="\n", file=out)
    return 0


def _write(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise NephoscopeError(
            f"{path} cannot be written ({error.strerror}); name another file, or mend the folder and its permission"
        ) from error
