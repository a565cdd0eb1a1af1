"""What a change of the configuration adds, removes and changes, and what it comes to."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from agent.config import shown
from agent.config.model import Config
from agent.config.shown import Row
from agent.figures import Figures
from agent.tables import LONG, columns, money


@dataclasses.dataclass(frozen=True, slots=True)
class Changed:
    """One thing that is in both plans; `keys` are (key, before, after), None where a key is not there."""

    name: str
    keys: tuple[tuple[str, str | None, str | None], ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """What became of the things of one kind, by name; `added` and `removed` with a few words on each."""

    kind: str
    added: Mapping[str, str]
    removed: Mapping[str, str]
    changed: tuple[Changed, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


def compare(before: Config, after: Config) -> list[Part]:
    """Return the parts that differ, in the order of the file."""
    parts = [
        _part(
            "target",
            {target.name: shown.target(target) for target in before.targets},
            {target.name: shown.target(target) for target in after.targets},
            ("provider", "region", "model", "endpoint"),
        ),
        _part("probe", shown.probes(before), shown.probes(after), ("kind", "every_s")),
        _part(
            "objective",
            shown.objectives(before),
            shown.objectives(after),
            ("sli", "ratio", "threshold_s", "at_least_per_s"),
        ),
        _part("service", shown.services(before), shown.services(after), ("members", "ratio")),
        _pairs("asked", _asked(before), _asked(after)),
        _pairs("SLO", _slos(before), _slos(after)),
        _part("settings", {"": shown.settings(before)}, {"": shown.settings(after)}, ()),
    ]
    return [part for part in parts if part]


def sums(before: tuple[Config, Figures], after: tuple[Config, Figures]) -> dict[str, tuple[float, float]]:
    """Return quantity -> (before, after)."""
    return {name: (value, _sums(*after)[name]) for name, value in _sums(*before).items()}


def lines(parts: Iterable[Part], totals: Mapping[str, tuple[float, float]], *, whole: bool) -> Iterator[str]:
    """Yield the differences for people; without any, a sentence."""
    told = [line for part in parts for line in _told(part)]
    if not told:
        yield "no difference: both files expand to the same plan"
        return
    yield from told if whole else told[:LONG]
    if not whole and len(told) > LONG:
        yield f"... and {len(told) - LONG:,} more differences: --all shows them, and --json has everything"
    yield ""
    yield from columns([("", "BEFORE", "AFTER", "DIFFERENCE"), *_rows(totals)])


def facts(parts: Iterable[Part], totals: Mapping[str, tuple[float, float]]) -> dict[str, Any]:
    return {
        "differences": [
            {
                "kind": part.kind,
                "added": list(part.added),
                "removed": list(part.removed),
                "changed": {
                    one.name: {key: {"before": was, "after": now} for key, was, now in one.keys}
                    for one in part.changed
                },
            }
            for part in parts
        ],
        "totals": {
            name: {"before": was, "after": now, "difference": now - was}
            for name, (was, now) in totals.items()
        },
    }


def _part(kind: str, before: Mapping[str, Row], after: Mapping[str, Row], words: tuple[str, ...]) -> Part:
    changed = (Changed(name, tuple(_keys(row, after[name]))) for name, row in before.items() if name in after)
    return Part(
        kind,
        {name: _words(row, words) for name, row in after.items() if name not in before},
        {name: _words(row, words) for name, row in before.items() if name not in after},
        tuple(one for one in changed if one.keys),
    )


def _keys(before: Row, after: Row) -> Iterator[tuple[str, str | None, str | None]]:
    known = [{key: one for key, one in row.items() if one.value is not None} for row in (before, after)]
    for key in dict.fromkeys((*known[0], *known[1])):
        was, now = known[0].get(key), known[1].get(key)
        if was != now:
            yield key, was.text if was else None, now.text if now else None


def _words(row: Row, words: tuple[str, ...]) -> str:
    return ", ".join(row[key].text for key in words if key in row and row[key].value is not None)


def _pairs(kind: str, before: Mapping[str, tuple[str, ...]], after: Mapping[str, tuple[str, ...]]) -> Part:
    """Return what is newly brought together or apart; what goes with a name that is new or gone is told by that name."""

    def kept(found: Mapping[str, tuple[str, ...]], other: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
        known = [set(names) for names in zip(*other.values(), strict=True)]
        return {
            text: ""
            for text, names in found.items()
            if text not in other
            and known
            and all(not name or name in at for name, at in zip(names, known, strict=True))
        }

    return Part(kind, kept(after, before), kept(before, after), ())


def _asked(config: Config) -> dict[str, tuple[str, ...]]:
    return {
        f"{target} by {plan.workload.name}": (target, plan.workload.name)
        for plan in config.probes
        for target in plan.targets
    }


def _slos(config: Config) -> dict[str, tuple[str, ...]]:
    return {
        slo.key.id: (*slo.parts[0].pair, slo.objective.name)
        if slo.key.pool is None
        else ("", "", slo.objective.name)  # what it pools is told by its objective
        for slo in config.slos()
    }


def _told(part: Part) -> Iterator[str]:
    for sign, found in (("+", part.added), ("-", part.removed)):
        for name, words in found.items():
            yield f"{sign} {part.kind} {name}" + (f" ({words})" if words else "")
    for one in part.changed:
        yield f"~ {f'{part.kind} {one.name}'.rstrip()}: {'; '.join(_change(*key) for key in one.keys)}"


def _change(key: str, was: str | None, now: str | None) -> str:
    if was == now:
        return f"{key} changed (a secret, not shown)"
    if was is None or now is None:
        return f"{key} {now} added" if was is None else f"{key} {was} removed"
    return f"{key} {was} -> {now}"


_USD = "USD a day"


def _sums(config: Config, found: Figures) -> dict[str, float]:
    return {
        "targets": len(config.targets),
        "SLOs": len(config.slos()),
        "probes a day": found.day.probes,
        "tokens in a day": found.day.input_tokens,
        "tokens out a day": found.day.output_tokens,
        _USD: found.day.usd,
        "targets without a price": len(found.day.unpriced),
        "rows a day": found.day.rows,
        "series a scrape": found.series.most,
    }


def _rows(totals: Mapping[str, tuple[float, float]]) -> Iterator[tuple[str, ...]]:
    for name, (was, now) in totals.items():
        write = money if name == _USD else _count
        sign = "+" if now > was else "-" if now < was else ""
        yield name, write(was), write(now), f"{sign}{write(abs(now - was))}"


def _count(number: float) -> str:
    return f"{round(number):,}"
