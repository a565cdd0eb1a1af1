"""Standard output that is full, closed or left, as a shell hands it over."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent.output import OutputError, guarded
from support.configuration import LOCAL

MAIN = "import sys; from agent.cli import main; sys.exit(main())"
FULL = "nephoscope: cannot write to standard output: No space left on device\n"
CLOSED = "nephoscope: standard output is closed, so what is printed is lost; redirect it\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "c.yaml"
    path.write_text(f"targets: [{LOCAL}]\n")
    return path


def shell(words: str, redirections: str) -> tuple[int, str]:
    """Run a command behind a shell's redirections; return its exit code and what it told."""
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$0" -P -c "$1" {words} {redirections}', sys.executable, MAIN],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
    )
    return done.returncode, done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
@pytest.mark.parametrize("words", ["rules -c FILE", "check -c FILE --json", "once -c FILE --json", "--help"])
def test_a_full_disk_is_told_as_one(file: Path, words: str) -> None:
    """Whether it shows at a write, at a flush in the midst or at the last one; it is no defect."""
    code, told = shell(words.replace("FILE", str(file)), "> /dev/full")
    assert (code, told) == (1, FULL)


def test_a_closed_standard_output_is_told_and_the_command_goes_on(file: Path) -> None:
    assert shell(f"check -c {file}", ">&-") == (0, CLOSED)
    code, told = shell("check -c /there-is-none", ">&-")
    assert code == 2
    assert told.startswith(CLOSED + "nephoscope: /there-is-none: there is no such file")


@pytest.mark.parametrize("redirections", ["2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_nothing_aborts_where_errors_go_nowhere(file: Path, redirections: str) -> None:
    assert shell(f"check -c {file}", redirections) == (0, "")
    assert shell("check -c /there-is-none", redirections) == (2, "")


def test_a_pipe_that_nobody_reads_stays_a_broken_pipe() -> None:
    class Broken(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        guarded(Broken()).write("x")


def test_a_write_that_fails_says_why() -> None:
    class Full(io.StringIO):
        def flush(self) -> None:
            raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match="cannot write to standard output: No space left on device"):
        guarded(Full()).flush()
    assert not guarded(Full()).isatty()
