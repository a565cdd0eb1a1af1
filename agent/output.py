"""Where a command prints: what is closed is replaced, and a write that fails is told as one."""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO, cast

from agent.errors import NephoscopeError


class OutputError(NephoscopeError):
    """Standard output takes no more."""


def streams(out: TextIO | None, err: TextIO | None) -> tuple[TextIO, TextIO]:
    """Return where to print and where to tell, by default standard output and standard error.

    One that was closed before the start (`>&-`) becomes the null device, as its number would otherwise go
    to the next file or socket that is opened, into which prints would then go.
    """
    closed = sys.stdout is None
    if closed or sys.stderr is None:
        _reopen()
    out, err = out or sys.stdout, err or sys.stderr
    if closed and out is sys.stdout:
        print("nephoscope: standard output is closed, so what is printed is lost; redirect it", file=err)
    return guarded(out), err


def guarded(stream: TextIO) -> TextIO:
    """Return a stream that raises `OutputError` where the other raises OSError; a broken pipe stays one."""
    return cast("TextIO", _Guarded(stream))


def let_go(out: TextIO) -> None:
    """Point a standard output that takes no more at nothing, or its flush at exit complains."""
    with contextlib.suppress(OSError, ValueError):
        if out.fileno() == sys.stdout.fileno():
            os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())


class _Guarded:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with _telling():
            return self._stream.write(text)

    def flush(self) -> None:
        with _telling():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def _telling() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"cannot write to standard output: {error.strerror}") from error


def _reopen() -> None:
    """Open the null device under each of the numbers 0, 1 and 2 that is free; children get it too."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)  # noqa: FBT003 - the call takes no keyword
    os.close(number)
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - lives as long as we
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - as above
