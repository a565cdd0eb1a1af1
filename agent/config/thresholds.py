"""Which latency or speed is still good: one threshold for all, or one for each class, model or target; pure."""

import dataclasses
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any, Final

from agent.config.durations import duration, shown
from agent.config.findings import BadValueError
from agent.config.nearest import nearest
from agent.config.selecting import View

_FIELDS: Final = {"target": "name", "model": "model", "class": "class"}
"""What thresholds may go by, the nearer first, and the field of a view that says it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Graded:
    """Thresholds (seconds, or tokens a second) by (what they go by, name or glob), the nearer first."""

    steps: tuple[tuple[str, str, float], ...]

    def within(self, view: View) -> float | None:
        """Return the threshold of one target; None where it has none.

        >>> graded = parse({"class": {"fast": "1.5s", "slow": "6s"}, "target": {"azure-*": "2s"}})
        >>> [graded.within(view) for view in ({"name": "azure-eu", "class": "fast"}, {"name": "own", "class": "slow"})]
        [2.0, 6.0]
        """
        return next((figure for by, glob, figure in self.steps if _meets(view, by, glob)), None)

    def unknown(self, views: tuple[View, ...]) -> list[str]:
        """Return a sentence for each step that no target meets."""
        return [
            f"`{by}: {glob}` is no target's{_known(views, by, glob)}"
            for by, glob, _ in self.steps
            if not any(_meets(view, by, glob) for view in views)
        ]


def parse(value: Any) -> float | Graded:
    """Return a threshold in seconds, or several; BadValueError carries the sentence."""
    return _parsed(value, _seconds, "under", "2s", "class: {fast: 1.5s, slow: 6s}")


def speeds(value: Any) -> float | Graded:
    """Return a speed in tokens a second, or several; BadValueError carries the sentence.

    >>> speeds(30), speeds({"class": {"slow": 12.5}})
    (30.0, Graded(steps=(('class', 'slow', 12.5),)))
    """
    return _parsed(value, _speed, "at_least", "30", "class: {fast: 60, slow: 20}")


def _parsed(value: Any, read: Callable[[Any], float], key: str, example: str, several: str) -> float | Graded:
    if not isinstance(value, dict):
        return read(value)
    for by, steps in value.items():
        if by not in _FIELDS:
            known = f"; thresholds go by {', '.join(_FIELDS)}"
            raise BadValueError(f"unknown key `{by}`{nearest(by, _FIELDS) or known}")
        if not isinstance(steps, dict) or not steps:
            raise BadValueError(
                f"`{by}` wants a map, as in {key}: {{{by}: {{NAME: {example}}}}}, not {shown(steps)}"
            )
    if not value:
        raise BadValueError(f"is empty; write {example}, or {several}")
    return Graded(tuple((by, glob, read(said)) for by in _FIELDS for glob, said in value.get(by, {}).items()))


def _seconds(value: Any) -> float:
    seconds = duration(value)
    if seconds <= 0:
        raise BadValueError(f"{shown(value)} leaves no time; write more than zero")
    return seconds


def _speed(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 1_000_000:
        raise BadValueError(f"{shown(value)} is no speed; write tokens a second as a number, such as 30")
    return float(value)


def _meets(view: View, by: str, glob: str) -> bool:
    field = _FIELDS[by]
    return field in view and fnmatchcase(view[field], glob)


def _known(views: tuple[View, ...], by: str, glob: str) -> str:
    known = sorted({view[_FIELDS[by]] for view in views if _FIELDS[by] in view})
    if not known:
        return f", for none has a {by}" + ("; write models: {NAME: {class: ...}}" if by == "class" else "")
    return nearest(glob, known) or f"; known are {', '.join(known[:10])}"
