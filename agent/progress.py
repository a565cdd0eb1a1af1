"""A bar for long work, on a terminal alone."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TextIO

from rich.console import Console
from rich.progress import Progress


@contextlib.contextmanager
def progress(err: TextIO, what: str, total: int) -> Iterator[Callable[[], None]]:
    """Yield what counts one step; the bar shows on a terminal, and nothing in a pipe."""
    if not err.isatty() or err is not sys.stderr:
        yield lambda: None
        return
    with Progress(console=Console(file=err), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)
