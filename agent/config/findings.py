"""What is wrong with a configuration, each finding with file, line, key and remedy, told all at once."""

import dataclasses
from collections.abc import Mapping

from agent.errors import ConfigError

Path = tuple[str | int, ...]
"""Where a value stands in the file: map keys and list indices from the top."""


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Finding:
    line: int
    text: str


class BadValueError(ValueError):
    """A value cannot be used; the message is a sentence with the remedy."""


class Findings:
    """Collects errors and warnings; `lines` says on which line (from 1) each path begins."""

    def __init__(self, file: str, lines: Mapping[Path, int]) -> None:
        self._file = file
        self._lines = lines
        self._errors: list[Finding] = []
        self._warnings: list[Finding] = []

    def error(self, path: Path, text: str) -> None:
        self._errors.append(self._finding(path, text))

    def error_at(self, line: int, text: str) -> None:
        """Add an error that has a line and no key, such as a syntax error."""
        self._errors.append(Finding(line, one_line(f"{self._file}:{line}: {text}")))

    def warn(self, path: Path, text: str) -> None:
        self._warnings.append(self._finding(path, text))

    def raise_errors(self) -> None:
        """Raise `ConfigError` with every error in the file's order, if there is one."""
        if self._errors:
            raise ConfigError(*self._texts(self._errors))

    @property
    def warnings(self) -> tuple[str, ...]:
        return self._texts(self._warnings)

    def line(self, path: Path) -> int:
        """Return the line of a path, or of the nearest thing around it that stands in the file."""
        ends = range(len(path), -1, -1)
        return next((self._lines[path[:end]] for end in ends if path[:end] in self._lines), 1)

    def _finding(self, path: Path, text: str) -> Finding:
        line = self.line(path)
        key = f"{dotted(path)}: " if path else ""
        return Finding(line, one_line(f"{self._file}:{line}: {key}{text}"))

    @staticmethod
    def _texts(findings: list[Finding]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(finding.text for finding in sorted(findings)))


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
