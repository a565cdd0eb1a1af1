"""Words of tests for `promtool test rules`: scenes of series that move, what is asked of them, and runs of several."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from exporters import conventions as names
from exporters import durations
from exporters.rules_words import quoted
from exporters.signals import RuleSpec

STEP_S: Final = 60
"""Series have a sample a minute, as Prometheus scrapes by default."""

EVALUATED: Final = 2
"""Steps between two evaluations of the rules. Each reads all of a file's rules whatever they are about, so it is what
tests cost: 160 SLOs take 0.7 s of a core."""


@dataclasses.dataclass(frozen=True, slots=True)
class Check:
    """A query, the step after which it is asked, and the samples (series -> value) that it has to give."""

    expr: str
    after: int
    samples: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Series that move (name -> values), others that stand (name -> value), and what is asked meanwhile.

    `touches` is what it is about: one run plays no two scenes that touch the same. Where `alive`, an agent beats
    beside it.
    """

    title: str
    touches: frozenset[str]
    moving: Mapping[str, str]
    standing: Mapping[str, int] = dataclasses.field(default_factory=dict)
    checks: Sequence[Check]
    alive: bool = True

    @property
    def last(self) -> int:
        return max(check.after for check in self.checks)


@dataclasses.dataclass(slots=True)
class _Run:
    """Scenes that are played at once, and what they have taken."""

    alive: bool
    scenes: list[Scene] = dataclasses.field(default_factory=list)
    touched: set[str] = dataclasses.field(default_factory=set)
    standing: dict[str, int] = dataclasses.field(default_factory=dict)

    def takes(self, scene: Scene) -> bool:
        """Return whether a scene goes with the others, and take it then."""
        alike = all(self.standing.get(name, value) == value for name, value in scene.standing.items())
        if scene.alive != self.alive or not alike or not self.touched.isdisjoint(scene.touches):
            return False
        self.scenes.append(scene)
        self.touched |= scene.touches
        self.standing |= scene.standing
        return True


def rendered(scenes: Iterable[Scene]) -> Iterator[str]:
    """Yield the lines of as few runs as the scenes go into, the longest first."""
    runs: list[_Run] = []
    for scene in sorted(scenes, key=lambda one: -one.last):
        if not any(run.takes(scene) for run in runs):
            runs.append(_Run(scene.alive))
            runs[-1].takes(scene)
    for number, run in enumerate(runs, start=1):
        yield from _rendered(run, f"run {number} of {len(runs)}")


def _rendered(run: _Run, name: str) -> Iterator[str]:
    last = max(scene.last for scene in run.scenes)
    yield f"  - name: {quoted(name)}"
    yield f"    interval: {durations.write(STEP_S)}"
    yield "    input_series:"
    if run.alive:
        yield from _given(names.LAST_BEAT.name, f"0+{STEP_S}x{last}")
    for series_name, value in run.standing.items():
        yield from _given(series_name, f"{value}+0x{last}")
    for scene in run.scenes:
        for series_name, values in scene.moving.items():
            yield from _given(series_name, values)
    yield "    promql_expr_test:"
    for scene in run.scenes:
        for check in scene.checks:
            yield from _asked(check, scene.title)


def _given(name: str, values: str) -> Iterator[str]:
    yield f"      - series: {quoted(name)}"
    yield f"        values: {quoted(values)}"


def _asked(check: Check, title: str) -> Iterator[str]:
    """Yield one query; its comment is what promtool prints where it fails."""
    about = " ".join(title.split())
    yield f"      - expr: {quoted(f'{check.expr} # {about}')}"
    yield f"        eval_time: {durations.write(check.after * STEP_S)}"
    yield f"        exp_samples:{'' if check.samples else ' []'}"
    for labels, value in check.samples.items():
        yield f"          - labels: {quoted(labels)}"
        yield f"            value: {value}"


def steps(seconds: float) -> int:
    """Return after how many steps so much time is over and the rules are evaluated.

    >>> steps(1), steps(120), steps(121)
    (2, 2, 4)
    """
    every_s = EVALUATED * STEP_S
    return EVALUATED * -int(-seconds // every_s)


def counter(spec: RuleSpec, metric: names.Family, place: int, labels: Mapping[str, str] | None = None) -> str:
    """Return one of the series that are summed, of a service's with the target whose it is."""
    whose = {"target": spec.targets[place]} if spec.impact is not None else {}
    return series(metric.name, {"slo": spec.series[place]} | whose | dict(labels or {}))


def series(name: str, labels: Mapping[str, str]) -> str:
    return f"{name}{{{','.join(f'{label}={quoted(value)}' for label, value in labels.items())}}}"
