"""Tests of the rules that are about us: an agent that does not see, and one whose configuration makes other rules."""

import math
from collections.abc import Iterator, Mapping
from typing import Final

from exporters import conventions as names
from exporters import durations
from exporters.rules_alerts import absence_s, silence_s
from exporters.rules_promtool import Check, asked, counter, given, series
from exporters.rules_words import quoted
from exporters.signals import RuleSpec

_EVERY_S: Final = 30
_SEEN: Final = 10
"""Intervals in which all is well before something happens."""


def own_tests(spec: RuleSpec, evaluated_s: int) -> Iterator[str]:
    """Yield the tests, of which those of silence look at one SLO; rules are evaluated every so many seconds."""
    yield from _outdated(spec)
    yield from _blind(spec, evaluated_s)


def _outdated(spec: RuleSpec) -> Iterator[str]:
    every = durations.write(60)
    yield f"  - name: {quoted('an agent whose configuration makes other rules is told')}"
    yield f"    interval: {every}"
    yield "    input_series:"
    for instance, made in (("same", spec.rules_hash), ("other", "0" * 16)):
        info = series(names.CONFIG_INFO.name, {"rules": made, "instance": instance})
        yield from given(info, "1+0x20")
    labels = {"rules": "0" * 16, "instance": "other", names.SLOTH_SEVERITY: "ticket"}
    fired = series("ALERTS", {"alertname": names.RULES_ALERT, "alertstate": "firing", **labels})
    query = f'ALERTS{{alertname="{names.RULES_ALERT}",alertstate="firing"}}'
    yield "    promql_expr_test:"
    yield from asked(Check(query, 15, {fired: "1"}), 60)


def _blind(spec: RuleSpec, evaluated_s: int) -> Iterator[str]:
    """An agent that does not see is one alert, and the silence of its target none; one that tells itself is none here."""
    until = math.ceil(((_SEEN + 3) * _EVERY_S + silence_s(spec) + absence_s(spec)) / evaluated_s)
    last = math.ceil(until * evaluated_s / _EVERY_S)
    beat, moving, still = names.LAST_BEAT.name, f"1+1x{last}", f"1+1x{_SEEN} {_SEEN + 1}+0x{last}"
    spoilt, answers, warm = names.RESULTS_SPOILT.name, names.PROBE_RESULTS.name, names.TARGET_WARM.name
    cases: tuple[tuple[str, Mapping[str, str], str | None], ...] = (
        ("an asker that is silent pages", {beat: still}, "page"),
        ("a silent asker of new targets does not", {beat: still, warm: f"0+0x{last}"}, "ticket"),
        ("many spoilt answers page", {beat: moving, spoilt: moving, answers: f"0+4x{last}"}, "page"),
        ("few spoilt answers do not", {beat: moving, spoilt: moving, answers: f"0+9x{last}"}, None),
        ("a database that is away pages", {beat: moving, names.DATABASE_UP.name: f"0+0x{last}"}, "page"),
        ("an agent that is gone pages", {}, "page"),
    )
    for title, told_of, severity in cases:
        labels = {
            "alertname": names.BLIND_ALERT,
            "alertstate": "firing",
            names.SLOTH_SEVERITY: severity or "",
            **({} if told_of else {names.AGENTS: "none"}),
        }
        told = severity and not (spec.guarded and told_of)
        seen = moving if severity is None or names.DATABASE_UP.name in told_of else still
        yield f"  - name: {quoted(title)}"
        yield f"    interval: {durations.write(_EVERY_S)}"
        yield "    input_series:"
        yield from given(counter(spec, names.SLI_EVENTS, 0, {"result": "good"}), seen)
        for name, values in told_of.items():
            yield from given(name, values)
        yield "    promql_expr_test:"
        fired = f'ALERTS{{alertname="{names.BLIND_ALERT}",alertstate="firing"}}'
        yield from asked(Check(fired, until, {series("ALERTS", labels): "1"} if told else {}), evaluated_s)
        unheard = f'{{alertname="{names.ABSENCE_ALERT}",{names.SLOTH_ID}={quoted(spec.slo.id)}'
        yield from asked(Check(f'ALERTS{unheard},alertstate="firing"}}', until), evaluated_s)
