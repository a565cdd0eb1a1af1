"""Words of tests for `promtool test rules`: the series that are given, and what is asked of them."""

import dataclasses
from collections.abc import Iterator, Mapping

from exporters import conventions as names
from exporters import durations
from exporters.rules_words import quoted
from exporters.signals import RuleSpec


@dataclasses.dataclass(frozen=True, slots=True)
class Check:
    """A query, the interval after which it is asked, and the samples (series -> value) that it has to give."""

    expr: str
    after: int
    samples: Mapping[str, str] = dataclasses.field(default_factory=dict)


def counter(spec: RuleSpec, metric: names.Family, place: int, labels: Mapping[str, str] | None = None) -> str:
    """Return one of the series that are summed, of a service's with the target whose it is."""
    whose = {"target": spec.targets[place]} if spec.impact is not None else {}
    return series(metric.name, {"slo": spec.series[place]} | whose | dict(labels or {}))


def given(name: str, values: str) -> Iterator[str]:
    yield f"      - series: {quoted(name)}"
    yield f"        values: {quoted(values)}"


def asked(check: Check, every_s: float) -> Iterator[str]:
    yield f"      - expr: {quoted(check.expr)}"
    yield f"        eval_time: {durations.write(check.after * every_s)}"
    yield f"        exp_samples:{'' if check.samples else ' []'}"
    for labels, value in check.samples.items():
        yield f"          - labels: {quoted(labels)}"
        yield f"            value: {value}"


def series(name: str, labels: Mapping[str, str]) -> str:
    return f"{name}{{{','.join(f'{label}={quoted(value)}' for label, value in labels.items())}}}"
