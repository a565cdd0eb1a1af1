"""What is wrong with a configuration, each finding with file, line, key and remedy, told all at once."""

import dataclasses
from collections.abc import Mapping

from agent.errors import ConfigError

Path = tuple[str | int, ...]
"""Where a value stands: map keys and list indices from the top, behind a `Source` in any file but the first."""


class Source(str):
    """The name of a file that another includes, as the head of the paths into it."""

    __slots__ = ()


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Finding:
    """A sentence, sorted by file (the first one has no source) and line."""

    source: str
    line: int
    text: str


class BadValueError(ValueError):
    """A value cannot be used; the message is a sentence with the remedy."""


class Findings:
    """Collects errors and warnings; `lines` says on which line (from 1) each path begins."""

    def __init__(self, file: str, lines: Mapping[Path, int]) -> None:
        self._file = file
        self._lines = dict(lines)
        self._origins: dict[Path, Path] = {}
        self._errors: list[Finding] = []
        self._warnings: list[Finding] = []
        self._reminders: list[Finding] = []

    def include(self, source: Source, lines: Mapping[Path, int]) -> None:
        """Learn the lines of another file."""
        self._lines |= {(source, *path): line for path, line in lines.items()}

    def trace(self, origins: Mapping[Path, Path]) -> None:
        """Learn where the values of an expanded plan were written: what is found at one is told at the other."""
        self._origins |= origins

    def error(self, path: Path, text: str) -> None:
        self._errors.append(self._finding(path, text))

    def error_at(self, line: int, text: str, source: Source | None = None) -> None:
        """Add an error that has a line and no key, such as a syntax error."""
        self._errors.append(Finding(source or "", line, one_line(f"{source or self._file}:{line}: {text}")))

    def warn(self, path: Path, text: str) -> None:
        self._warnings.append(self._finding(path, text))

    def remind(self, path: Path, text: str) -> None:
        """Add what the calendar does to a file that is in order."""
        self._reminders.append(self._finding(path, text))

    def raise_errors(self) -> None:
        """Raise `ConfigError` with every error in the file's order, if there is one."""
        if self._errors:
            raise ConfigError(*self._texts(self._errors))

    @property
    def warnings(self) -> tuple[str, ...]:
        return self._texts(self._warnings)

    @property
    def reminders(self) -> tuple[str, ...]:
        return self._texts(self._reminders)

    def line(self, path: Path) -> int:
        """Return the line of a path, or of the nearest thing around it that stands in the file."""
        written = self._written(path)
        ends = range(len(written), -1, -1)
        return next((self._lines[written[:end]] for end in ends if written[:end] in self._lines), 1)

    def place(self, path: Path, beside: Path) -> str:
        """Return where a path stands for one who reads at another: its line, and its file where that is not the same."""
        source, other = _source(self._written(path)), _source(self._written(beside))
        return f"on line {self.line(path)}" + ("" if source == other else f" of {source or self._file}")

    def _written(self, path: Path) -> Path:
        """Return where the longest known part of a path was written, with the rest behind it."""
        ends = range(len(path), 0, -1)
        known = next((end for end in ends if path[:end] in self._origins), 0)
        return (*self._origins[path[:known]], *path[known:]) if known else path

    def _finding(self, path: Path, text: str) -> Finding:
        line = self.line(path)
        written = self._written(path)
        source = _source(written)
        key = dotted(written[1:] if source else written)
        where = f"{source or self._file}:{line}: "
        return Finding(source, line, one_line(f"{where}{key}: {text}" if key else f"{where}{text}"))

    @staticmethod
    def _texts(findings: list[Finding]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(finding.text for finding in sorted(findings)))


def _source(path: Path) -> str:
    return path[0] if path and isinstance(path[0], Source) else ""


def one_line(text: str) -> str:
    r"""Return a text with line breaks and all else that cannot be seen escaped: a finding is one line.

    >>> print(one_line("a" + chr(10) + "b" + chr(27)))
    a\nb\x1b
    """
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text
    )


def dotted(path: Path) -> str:
    """Return a path as people write it.

    >>> dotted(("targets", 0, "credentials", "api_key"))
    'targets[0].credentials.api_key'
    """
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
