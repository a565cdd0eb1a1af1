"""Tests of the rules that are about us: an agent that does not see, and one whose configuration makes other rules."""

from collections.abc import Iterator, Mapping
from typing import Final

from exporters import conventions as names
from exporters.rules_alerts import absence_s
from exporters.rules_promtool import EVALUATED, STEP_S, Check, Scene, counter, series, steps
from exporters.rules_words import quoted
from exporters.signals import RuleSpec

_SEEN: Final = 4
"""Steps in which all is well before something happens."""

_BEAT: Final = names.LAST_BEAT.name
_NONE: Final = ""


def own_tests(spec: RuleSpec) -> Iterator[Scene]:
    """Yield the tests, of which those of silence look at one SLO."""
    until = max(2 * _SEEN, steps(absence_s(spec)) + EVALUATED)
    yield _outdated(spec)
    yield _seeing(spec)
    yield _blind(spec, until)
    yield _gone(spec, until)
    yield _awaited(spec)


def _outdated(spec: RuleSpec) -> Scene:
    last = 12
    labels = {"rules": "0" * 16, "instance": "other", names.SLOTH_SEVERITY: "ticket"}
    fired = series("ALERTS", {"alertname": names.RULES_ALERT, "alertstate": "firing", **labels})
    query = f'ALERTS{{alertname="{names.RULES_ALERT}",alertstate="firing"}}'
    return Scene(
        title="an agent whose configuration makes other rules is told",
        touches=frozenset({names.RULES_ALERT}),
        moving={
            series(names.CONFIG_INFO.name, {"rules": made, "instance": instance}): f"1+0x{last}"
            for instance, made in (("same", spec.rules_hash), ("other", "0" * 16))
        },
        checks=[Check(query, last, {fired: "1"})],
    )


def _seeing(spec: RuleSpec) -> Scene:
    """Agents that see: one whose answers are seldom spoilt, and one without a database, which pages."""
    last = 2 * _SEEN
    moving = {
        series(_BEAT, {"instance": "seldom"}): f"0+{STEP_S}x{last}",
        **_answers("seldom", last, spoilt=1, of=9),
        series(_BEAT, {"instance": "away"}): f"0+{STEP_S}x{last}",
        series(names.DATABASE_UP.name, {"instance": "away"}): f"0+0x{last}",
    }
    told = {} if spec.guarded else {"away": "page"}
    return Scene(
        title="few spoilt answers do not page, a database that is away does",
        touches=frozenset({names.BLIND_ALERT}),
        moving=moving,
        standing={names.DATABASE_UP.name: 0} if spec.guarded else {},
        checks=[_blinded(last, told, ',instance=~"seldom|away"')],
    )


def _blind(spec: RuleSpec, last: int) -> Scene:
    """No agent sees: each is told, and the silence of their targets is not."""
    still = f"0+{STEP_S}x{_SEEN} {STEP_S * _SEEN}+0x{last}"
    moving = {
        series(_BEAT, {"instance": "silent"}): still,
        series(_BEAT, {"instance": "new"}): still,
        series(names.TARGET_WARM.name, {"target": "new", "instance": "new"}): f"0+0x{last}",
        series(_BEAT, {"instance": "spoilt"}): f"0+{STEP_S}x{last}",
        **_answers("spoilt", last, spoilt=1, of=4),
    }
    told = {} if spec.guarded else {"silent": "page", "new": "ticket", "spoilt": "page"}
    title = "an asker that is silent pages, one of new targets does not, and many spoilt answers do"
    return _unseen(spec, title, moving, [_blinded(last, told), _unheard(spec, last)])


def _gone(spec: RuleSpec, last: int) -> Scene:
    moving = {_BEAT: f"0+{STEP_S}x{_SEEN - 1} stale"}
    checks = [_blinded(_SEEN, {}), _blinded(last, {_NONE: "page"}), _unheard(spec, last)]
    return _unseen(spec, "an agent that is gone pages", moving, checks)


def _awaited(spec: RuleSpec) -> Scene:
    """Rules that are loaded before the agent is there page nobody."""
    last = steps(15 * 60)
    checks = [_blinded(last - EVALUATED, {}), _blinded(last, {_NONE: "ticket"}), _unheard(spec, last)]
    return _unseen(spec, "an agent that was never there is a ticket", {}, checks)


def _unseen(spec: RuleSpec, title: str, moving: Mapping[str, str], checks: list[Check]) -> Scene:
    """Return what is seen of one SLO while no agent sees: nothing moves."""
    last = max(check.after for check in checks)
    still = {counter(spec, names.SLI_EVENTS, 0, {"result": "good"}): f"1+0x{last}"}
    return Scene(
        title=title,
        touches=frozenset({names.BLIND_ALERT, *spec.series}),
        moving=still | dict(moving),
        checks=checks,
        alive=False,
    )


def _answers(instance: str, last: int, *, spoilt: int, of: int) -> dict[str, str]:
    return {
        series(names.RESULTS_SPOILT.name, {"instance": instance}): f"0+{spoilt}x{last}",
        series(names.PROBE_RESULTS.name, {"instance": instance}): f"0+{of}x{last}",
    }


def _blinded(after: int, told: Mapping[str, str], more: str = "") -> Check:
    """Ask which agents are told to be blind: instance -> severity, `_NONE` where there is no agent."""
    samples = {}
    for instance, severity in told.items():
        which = {names.AGENTS: "none"} if instance == _NONE else {"instance": instance}
        labels = {"alertname": names.BLIND_ALERT, "alertstate": "firing", names.SLOTH_SEVERITY: severity}
        samples[series("ALERTS", labels | which)] = "1"
    return Check(f'ALERTS{{alertname="{names.BLIND_ALERT}",alertstate="firing"{more}}}', after, samples)


def _unheard(spec: RuleSpec, after: int) -> Check:
    labels = f'alertname="{names.ABSENCE_ALERT}",{names.SLOTH_ID}={quoted(spec.slo.id)}'
    return Check(f'ALERTS{{{labels},alertstate="firing"}}', after)
