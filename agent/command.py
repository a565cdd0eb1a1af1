"""One command from its words to its exit code: how it is loaded, and how an error ends it."""

import contextlib
import importlib
import sys
import traceback
from collections.abc import Sequence
from typing import TextIO

from agent import interrupts, log
from agent.arguments import COMMANDS, arguments
from agent.errors import ConfigError, NephoscopeError
from agent.output import OutputError, let_go, streams
from probes.base import SigningError
from storage.base import StoreUnavailableError

BROKEN_PIPE = 141
INTERNAL = 70


def run(argv: Sequence[str] | None, out: TextIO | None, err: TextIO | None) -> int:
    """Run one command and return its exit code; an error is one sentence on `err`."""
    out, err = streams(out, err)
    words = sys.argv[1:] if argv is None else list(argv)
    debug = False
    try:
        with interrupts.at_once(), contextlib.redirect_stdout(out):
            try:
                args = arguments(words)
            except SystemExit as end:  # help or the version
                out.flush()
                return int(end.code or 0)
        debug = args.log_level == "debug"
        log.configure(args.log_format, args.log_level, stream=err)
        with interrupts.at_once():
            function = getattr(importlib.import_module(COMMANDS[args.command]), args.command)
        code = int(function(args, out, err))
        out.flush()
    except BrokenPipeError:
        let_go(out)
        return BROKEN_PIPE
    except Exception as error:  # noqa: BLE001 - the last edge: whatever it is, it ends in a sentence
        if isinstance(error, OutputError):
            let_go(out)
        if debug:
            traceback.print_exception(error, file=err)
        return _told(error, err)
    return code


def _told(error: Exception, err: TextIO) -> int:
    """Write the sentence of an error and return the exit code that belongs to it."""
    match error:
        case NephoscopeError():
            print(f"nephoscope: {error}" if "\n" not in str(error) else error, file=err)
            return error.exit_code
        case SigningError():
            print(f"nephoscope: {error}", file=err)
            return ConfigError.exit_code
        case StoreUnavailableError():
            print(f"nephoscope: the database: {error}", file=err)
            return NephoscopeError.exit_code
        case _:
            # Not its text: that could hold anything.
            print(
                f"nephoscope: this is a defect ({type(error).__name__}); repeat with --log-level debug and report it",
                file=err,
            )
            return INTERNAL
