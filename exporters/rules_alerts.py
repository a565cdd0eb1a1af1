"""The alerts among the generated rules: burning budgets, services under their healthy minimum, silence."""

import math
from collections.abc import Iterator, Sequence
from itertools import groupby

from exporters import conventions as names
from exporters import durations
from exporters.rules_words import (
    NOT_NEW,
    Rule,
    alert_labels,
    counted,
    increase,
    literals,
    own,
    pattern,
    percent,
    quoted,
    runbook,
    sloth_labels,
    title,
)
from exporters.signals import BurnAlert, RuleSpec, ServiceImpact

_MINUTE_S = 60.0
SEVERAL, ONE = "several", "one"
"""What bears an outage out, as its alert is labelled: targets that agree, or one that has failed for long."""

FIRST_SCRAPES_S = 120.0
"""A Prometheus that has just met a target needs two scrapes and two slots to see an increase."""


def burn_alerts(spec: RuleSpec, tier: str) -> Iterator[Rule]:
    """Alert where any condition of the tier holds; conditions that wait alike share one rule."""
    alerts = sorted((alert for alert in spec.alerts if alert.tier == tier), key=_wait_s)
    for wait_s, alike in groupby(alerts, key=_wait_s):
        pairs = list(alike)
        yield {
            "alert": names.BURN_ALERT,
            "expr": _guarded(spec, "\nor\n".join(_condition(spec, alert) for alert in pairs)),
            **({"for": durations.write(wait_s)} if wait_s else {}),
            **_held(spec),
            "labels": {
                names.SLOTH_SEVERITY: pairs[0].severity,
                names.BURN_TIER: tier,
                **literals(alert_labels(spec)),
            },
            "annotations": _burn_annotations(spec, pairs),
        }


def impact_alerts(spec: RuleSpec) -> Iterator[Rule]:
    """Alert where a service is under its healthy minimum: at once if two targets bear each other out, else after a while.

    What the agent pages (`agent.slo.findings.service_findings`), said of the states that it exports: a member of which
    nothing is known may be well, where any other is.
    """
    if spec.impact is None:
        return
    under, failing = _impact(spec.impact)
    for gate, wait_s, agreement in ((">= 2", 0.0, SEVERAL), ("== 1", spec.impact.after_s, ONE)):
        yield {
            "alert": names.SERVICE_ALERT,
            "expr": _guarded(spec, f"{under}\n  and on(vantage)\n  {failing} {gate}"),
            **({"for": durations.write(wait_s)} if wait_s else {}),
            **_held(spec),
            "labels": {
                names.SLOTH_SEVERITY: "page",
                names.AGREEMENT: agreement,
                **literals(alert_labels(spec)),
            },
            "annotations": literals(
                {
                    "summary": f"{title(spec)} is down",
                    "description": _under(spec.impact, borne_out=wait_s == 0),
                }
            )
            | {"failing": _named(_down(spec.impact))}
            | runbook(spec),
        }


def _impact(impact: ServiceImpact) -> tuple[str, str]:
    """Return what tells that too few units are well, and how many targets fail.

    What is new and not well is no member yet: it is neither counted on nor held against the service.
    """
    units, well = (
        "\n    + ".join(f"max by (vantage) ({counted(unit)})" for unit in impact.units)
        for counted in (_not_down, _well)
    )
    return (
        f"((\n    {units}\n  ) < {impact.at_least}\n  or on(vantage) (\n    {well}\n  ) == 0)",
        f"count by (vantage) (max by (target, vantage) (({_down(impact)}) {NOT_NEW}))",
    )


def _down(impact: ServiceImpact) -> str:
    every = [pair for unit in impact.units for pair in unit]
    return " or ".join(f'{names.TARGET_STATE.name}{{{one},state="down"}} == 1' for one in _matchers(every))


def _named(states: str) -> str:
    """Return a template of the targets that have some states."""
    query = f'query {quoted(f"count by (target) ({states})")} | sortByLabel "target"'
    each = "{{ if $place }}, {{ end }}{{ $one.Labels.target }}"
    return f"{{{{ range $place, $one := {query} }}}}{each}{{{{ end }}}}"


def _well(unit: Sequence[tuple[str, str]]) -> str:
    return " or ".join(
        f'{names.TARGET_STATE.name}{{{one},state=~"good|degraded"}}' for one in _matchers(unit)
    )


def _not_down(unit: Sequence[tuple[str, str]]) -> str:
    """Return what is 1 for each member of a unit that is well, or of which nothing is known though it is not new."""
    unknown = " or ".join(f'{names.TARGET_STATE.name}{{{one},state="unknown"}}' for one in _matchers(unit))
    return f"{_well(unit)} or ({unknown}) {NOT_NEW}"


def outages(spec: RuleSpec) -> Iterator[Rule]:
    """Record while a service is under its minimum, so that its burn can tell for how long that explains it."""
    if spec.impact is not None:
        under, failing = _impact(spec.impact)
        yield {
            "record": names.SERVICE_DOWN,
            "expr": f"{under}\n  and on(vantage)\n  {failing} >= 1",
            "labels": sloth_labels(spec.slo),
        }


def _matchers(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Return what picks some pairs of target and probe, one pattern for each probe."""
    return [
        f"target=~{pattern(target for target, probe in pairs if probe == one)},probe={quoted(one)}"
        for one in dict.fromkeys(probe for _, probe in pairs)
    ]


def _under(impact: ServiceImpact, *, borne_out: bool) -> str:
    seen = (
        "at least two targets fail"
        if borne_out
        else f"one target has failed for {durations.write(impact.after_s)}"
    )
    return f"Fewer than {impact.at_least} of its {len(impact.units)} {impact.of}s are well, and {seen}."


def _guarded(spec: RuleSpec, expr: str) -> str:
    if not spec.guarded:
        return expr
    return f"(\n{expr}\n)\nand on()\n(min({names.DATABASE_UP.name}) == 0)"


def _held(spec: RuleSpec) -> dict[str, str]:
    return {"keep_firing_for": durations.write(spec.hold_s)} if spec.hold_s else {}


def _wait_s(alert: BurnAlert) -> float:
    return durations.read(alert.pending)


def _condition(spec: RuleSpec, alert: BurnAlert) -> str:
    # The gate was reckoned from one vantage's probes, so one vantage has to see that many failures. increase()
    # extrapolates to fractions: "at least 4" is compared as ">= 3.5".
    limit = f"{alert.factor!r} * (1 - {spec.objective_ratio!r})"
    warm = spec.impact is not None and alert.severity == "page"
    ratio = names.WARM_ERROR if warm else names.SLI_ERROR
    fast_enough = [
        f"max({ratio}{window}{own(spec)} > ({limit})) without ({names.SLOTH_WINDOW})"
        for window in (alert.long, alert.short)
    ]
    gates = [
        f"({increase(counted(spec), spec, window, 'bad', by='vantage', warm=warm)} >= {least - 0.5!r})"
        for window, least in ((alert.long, alert.min_bad_long), (alert.short, alert.min_bad_short))
    ]
    if alert.min_members > 1:
        gates += _agreement(spec, alert, warm=warm)
    body = "\n  and\n  ".join(fast_enough)
    enough = "\n    and on(vantage)\n    ".join(gates)
    return f"(\n  {body}\n  and on()\n  (\n    {enough}\n  ){_unexplained(spec, alert)}{_unless_new(spec, alert)}\n)"


def _unless_new(spec: RuleSpec, alert: BurnAlert) -> str:
    """Return what keeps a page back while all that it is about is new; of a service only what is not new is counted."""
    if spec.impact is not None or alert.severity != "page" or not spec.targets:
        return ""
    return f"\n  unless on()\n  (max({names.TARGET_WARM.name}{{target=~{pattern(spec.targets)}}}) == 0)"


def _unexplained(spec: RuleSpec, alert: BurnAlert) -> str:
    """Return what leaves unsaid that an outage burns: while its alert fires, and while the short window holds it."""
    if spec.impact is None:
        return ""
    reach_s = max(spec.hold_s, durations.read(alert.short) + _MINUTE_S)
    down = f"{names.SERVICE_DOWN}{own(spec)}[{durations.write(reach_s)}]"
    return f"\n  unless on()\n  count_over_time({down})"


def _agreement(spec: RuleSpec, alert: BurnAlert, *, warm: bool) -> Iterator[str]:
    """Yield what `agent.slo.burning` asks of a pool: failures of several members now, and not of one alone before."""
    short, long = (
        increase(names.SLI_EVENTS, spec, window, "bad", by="slo, vantage", warm=warm)
        for window in (alert.short, alert.long)
    )
    yield f"(count by (vantage) ({short} >= 0.5) >= {alert.min_members})"
    yield f"(sum by (vantage) ({long}) - max by (vantage) ({long}) >= {alert.min_bad_beside - 0.5!r})"


def _burn_annotations(spec: RuleSpec, pairs: Sequence[BurnAlert]) -> dict[str, str]:
    what = "bad slices" if spec.slice_s else "failures"
    seen = " or ".join(
        f"{alert.factor:.3g} over {alert.long} and {alert.short} with at least {alert.min_bad_long} {what}"
        for alert in pairs
    )
    left = f"clamp_min({names.PERIOD_BUDGET}{own(spec)}, 0)"
    burnt = f"{names.SLI_ERROR}{pairs[0].long}{own(spec)}"
    period_s = durations.read(spec.period)
    # Templates cannot divide, queries can: seconds left = remaining budget x period / burn.
    query = (
        f"{left} * on({names.SLOTH_ID}) {names.ERROR_BUDGET}{own(spec)} * {period_s:.0f} "
        f"/ on({names.SLOTH_ID}) {burnt}"
    )
    told = f"{percent(spec.objective_ratio)} % over {spec.period} allows a burn of 1; it is above {seen}."
    return {
        **literals({"summary": f"{title(spec)} burns its error budget too fast"}),
        "description": f"{told} Of what was due, {{{{ $value | humanizePercentage }}}} were bad.",
        "exhaustion": f"{{{{ with query {quoted(query)} }}}}{{{{ . | first | value | humanizeDuration }}}}"
        "{{ else }}unknown{{ end }}",
        **runbook(spec),
    }


def absence(spec: RuleSpec) -> Rule:
    """Alert where nothing comes at all, unless no agent sees, which is told once.

    What is excluded or invalid, in maintenance say or by our own fault, is no silence.
    """
    within = durations.write(silence_s(spec))
    return {
        "alert": names.ABSENCE_ALERT,
        "expr": f"({increase(names.SLI_EVENTS, spec, within)} or vector(0)) == 0\nunless on()\n{names.NONE_SEES}",
        "for": durations.write(absence_s(spec)),
        "labels": {**sloth_labels(spec.slo), names.SLOTH_SEVERITY: "ticket", **literals(alert_labels(spec))},
        "annotations": literals(
            {
                "summary": f"{title(spec)} has no results",
                "description": f"No result at all came within {within}, be it good, bad, excluded or invalid. "
                "Is nephoscope running and scraped?",
            }
        )
        | runbook(spec),
    }


def silence_s(spec: RuleSpec) -> float:
    """Return over which range results are looked for: 5 minutes or 3 intervals, the longer."""
    return max(300.0, 3 * spec.every_s)


def absence_s(spec: RuleSpec) -> float:
    """Return how long silence may last: what the fastest alert would take in a total outage, and the first scrapes.

    factor x (1 - objective) x long + for, rounded up to a second: 13.44 x 0.1 % of 1 h is 49 s.
    """
    if not spec.alerts:
        return FIRST_SCRAPES_S
    fastest = min(spec.alerts, key=lambda alert: durations.read(alert.long))
    detection_s = fastest.factor * (1 - spec.objective_ratio) * durations.read(fastest.long)
    return math.ceil(detection_s + _wait_s(fastest)) + FIRST_SCRAPES_S
