"""The rules that are about us and not about a target: an agent that does not see is one alert in place of many."""

from collections.abc import Iterator, Sequence
from typing import Final

from exporters import conventions as names
from exporters import durations
from exporters.rules_words import Rule, our_runbook
from exporters.signals import RuleSpec

SHARE: Final = 0.2
"""Of more of its answers spoilt by our own fault an agent is blind."""

GONE_FOR: Final = "2m"
"""So long no agent is heard before that is told: a restart takes less."""

KNOWN_FOR: Final = "7d"
"""An agent that was heard within so long is gone; any other is not there yet, or was given up."""

AWAITED_FOR: Final = "15m"
"""So long a first agent may take to be there: rules are often loaded before it runs and is scraped."""

SILENT: Final = 1
SPOILT: Final = 2
AWAY: Final = 3
"""Values of the alert, each a reason; all but the last leave nothing to be seen of targets."""

_BEAT: Final = names.LAST_BEAT.name
_KNOWN: Final = f"present_over_time({_BEAT}[{KNOWN_FOR}])"
_REASONS: Final = {
    SILENT: "its asker gave no sign of life for 2 minutes, or its journal is not read",
    SPOILT: f"more than {SHARE:.0%} of its answers of the last 5 minutes were spoilt by our own delay or way out",
    AWAY: "its database is away for 2 minutes: what it asks is kept, and no budget is judged",
}


def sight(specs: Sequence[RuleSpec]) -> Iterator[Rule]:
    """Yield what records whether agents see, and what tells of those that do not.

    Where the agent tells its receivers it tells of this too (`AgentBlind`), unless there is none any more.
    """
    yield {"record": names.AGENT_BLIND, "expr": f"{_silent()}\nor\n{_spoilt()}"}
    all_blind = f"count({names.AGENT_BLIND}) == count({_BEAT})\nor\nabsent({_BEAT})"
    yield {"record": names.NONE_SEES, "expr": all_blind}
    if not any(spec.guarded for spec in specs):
        yield _blind(specs, "page", "unless")
        yield _blind(specs, "ticket", "and")
    yield _unheard(specs, "page", f"and on()\n{_KNOWN}", GONE_FOR, "had one")
    yield _unheard(specs, "ticket", f"unless on()\n{_KNOWN}", AWAITED_FOR, "had none")


def _unheard(specs: Sequence[RuleSpec], severity: str, known: str, for_: str, before: str) -> Rule:
    """Return what tells that there is no agent: a page where there was one, at a cold start a ticket."""
    return {
        "alert": names.BLIND_ALERT,
        "expr": f"absent({_BEAT})\n{known}",
        "for": for_,
        **_held(specs),
        "labels": {names.SLOTH_SEVERITY: severity, names.AGENTS: "none"},
        "annotations": {
            "summary": "Nothing is heard of any agent",
            "description": f"Prometheus has no agent's page, and {before} in the last {KNOWN_FOR}. "
            "Is nephoscope running, and scraped?",
            **our_runbook(specs),
        },
    }


def _blind(specs: Sequence[RuleSpec], severity: str, where_new: str) -> Rule:
    """Return what tells of an agent that is there: at a cold start, with nothing but new targets, a ticket."""
    reasons = "".join(
        f"{{{{ if eq $value {value}.0 }}}}{reason}{{{{ end }}}}" for value, reason in _REASONS.items()
    )
    new = f"max by (instance) ({names.TARGET_WARM.name}) == 0"
    return {
        "alert": names.BLIND_ALERT,
        "expr": f"(\n{names.AGENT_BLIND}\nor\n{_away()}\n)\n{where_new} on(instance)\n({new})",
        **_held(specs),
        "labels": {names.SLOTH_SEVERITY: severity},
        "annotations": {
            "summary": "An agent does not see",
            "description": f"Of the agent at {{{{ $labels.instance }}}}: {reasons}.",
            **our_runbook(specs),
        },
    }


def _silent() -> str:
    """Return what is there while beats come no more: an old beat that moves is a journal that is replayed."""
    still = f"changes({_BEAT}[2m]) == 0 and count_over_time({_BEAT}[2m]) >= 2"
    return f"{SILENT} + 0 * max by (instance) ({still})"


def _spoilt() -> str:
    """Return what is there while our own fault spoils too much; not at a start, which is seldom smooth."""
    spoilt, all_answers = (
        f"sum by (instance) (increase({family.name}[5m]))"
        for family in (names.RESULTS_SPOILT, names.PROBE_RESULTS)
    )
    return (
        f"{SPOILT} + 0 * (\n  {spoilt} / {all_answers} > {SHARE}\n  and on(instance)\n  {_BEAT} offset 4m\n)"
    )


def _away() -> str:
    up = f"max by (instance) (max_over_time({names.DATABASE_UP.name}[2m])) == 0"
    return f"{AWAY} + 0 * ({up} and on(instance) {_BEAT} offset 2m)"


def _held(specs: Sequence[RuleSpec]) -> dict[str, str]:
    hold_s = max(spec.hold_s for spec in specs)
    return {"keep_firing_for": durations.write(hold_s)} if hold_s else {}
