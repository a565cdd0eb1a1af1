"""When models and API versions are retired, by public tables that are shipped as data (retirements.json)."""

import functools
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Final, Literal, NamedTuple

from agent.prices import sovereign
from probes.target import Target

AHEAD: Final = timedelta(days=30)
"""How long ahead a retirement is told."""


class Retirement(NamedTuple):
    """`key` is the target's that names what is retired, `source` the table that says so."""

    key: Literal["model", "api_version"]
    name: str
    day: date
    source: str

    def told(self, today: date) -> str:
        """Return a sentence with the remedy.

        >>> gone = Retirement("model", "deepseek-chat", date(2026, 7, 24), "a table")
        >>> gone.told(date(2026, 7, 20))
        '`deepseek-chat` is to be retired on 2026-07-24, in 4 days (a table); move to another, and compare the two before'
        >>> gone.told(date(2026, 7, 24))
        '`deepseek-chat` is retired since 2026-07-24 (a table); move to another'
        """
        left = (self.day - today).days
        if left <= 0:
            return f"`{self.name}` is retired since {self.day} ({self.source}); move to another"
        days = "tomorrow" if left == 1 else f"in {left} days"
        return (
            f"`{self.name}` is to be retired on {self.day}, {days} ({self.source}); move to another, and compare the "
            "two before"
        )


def of(target: Target, elsewhere: Iterable[str] = ()) -> Iterator[Retirement]:
    """Yield what the tables know of a target's model and API version; `elsewhere` is what others call the model."""
    if target.simulated or sovereign(target):
        return
    # A deployment's name says nothing to the table where the logical name does, or what others call the model.
    names = dict.fromkeys((target.model_id, target.model, *elsewhere))
    if found := _first("models", target.provider, [form for name in names for form in _forms(name)]):
        yield Retirement("model", *found)
    if target.api_version and (found := _first("api_versions", target.provider, [target.api_version])):
        yield Retirement("api_version", *found)


def due(target: Target, today: date, elsewhere: Iterable[str] = ()) -> Iterator[Retirement]:
    """Yield those of a target that are past, or near."""
    return (one for one in of(target, elsewhere) if one.day - today <= AHEAD)


def _forms(name: str) -> Iterator[str]:
    """Yield a model's name as it is, and without who made it: Google's own stand without in its table."""
    yield name
    yield name.removeprefix("google/")


def _first(table: str, provider: str, names: Iterable[str]) -> tuple[str, date, str] | None:
    source, days = _table()[table]
    known = days.get(provider, {})
    return next(((name, known[name], source) for name in names if name in known), None)


@functools.cache
def _table() -> Mapping[str, tuple[str, Mapping[str, Mapping[str, date]]]]:
    """Return by table its source, and provider -> name -> day."""
    data = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    return {
        name: (
            table["source"],
            {
                provider: {one: date.fromisoformat(day) for day, names in days.items() for one in names}
                for provider, days in table["by_provider"].items()
            },
        )
        for name, table in data.items()
    }
