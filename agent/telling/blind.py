"""Whether we see at all: an asker that is silent, probes that bring nothing, answers that our own delay or way out spoilt."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Final

from agent.slo.alerts import Finding
from agent.slo.findings import Ways
from agent.slo.inhibiting import EVALUATION
from agent.telling.absence import nothing_comes
from agent.telling.sights import View
from agent.telling.spoiling import SECOND_NS, SPOILT_S
from agent.telling.verdict import AGENT_SHARE, Fault

SILENT_NS: Final = 120 * 1_000_000_000
"""So long nothing new may be read of an asker that beats every 2 s."""


UNCOUNTED_NS: Final = 300 * 1_000_000_000
"""So long no evaluation may succeed: the slowest takes half a minute, and rests for five times that."""


@dataclasses.dataclass(slots=True)
class Pulse:
    """When the asker's beats last moved on, by a clock that nobody sets: while a journal is replayed they are old, and move.

    An asker that was never heard of is no pulse that stopped: at a cold start there is none yet.

    >>> pulse = Pulse()
    >>> [pulse.still_ns(beat_ns, mono_ns) for beat_ns, mono_ns in ((7, 100), (7, 130), (9, 140), (9, 145))]
    [0, 30, 0, 5]
    """

    beat_ns: int = 0
    moved_ns: int = 0

    def still_ns(self, beat_ns: int, mono_ns: int) -> int:
        """Take the instant of the last beat that was read, and return for how long it has been that one."""
        if beat_ns != self.beat_ns:
            self.beat_ns, self.moved_ns = beat_ns, mono_ns
        return mono_ns - self.moved_ns if beat_ns else 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ourselves:
    """What is known of this agent beside its results.

    For how long nothing new was heard of the asker, for how long no evaluation of history succeeded, and when our own
    network was down last, which has an alert of its own; 0 is never.
    """

    still_ns: int = 0
    uncounted_ns: int = 0
    cut_ns: int = 0


def blind(view: View, hidden: Sequence[Finding], ways: Ways, ourselves: Ourselves) -> Iterator[Finding]:
    """Yield the one alert that says that we do not see, and why: a page, but for a cold start."""
    found = _why(view, ourselves)
    if found is None:
        return
    reason, since_ns, said = found
    born_ns = view.standings.born_ns().values()
    warm = any(ways.is_warm(one_ns, view.now_ns) for one_ns in born_ns)
    yield Finding(
        key="agent-blind",
        name="AgentBlind",
        severity="page" if warm else "ticket",
        subject=view.config.vantage,
        since_ns=since_ns,
        facts={
            "reason": reason,
            "fault": f"{Fault.AGENT.value} {view.config.vantage}",
            "hidden": [finding.key for finding in hidden],
            "evidence": [said],
        },
    )


def _why(view: View, ourselves: Ourselves) -> tuple[str, int, str] | None:
    """Return the reason, since when, and what is seen of it."""
    if ourselves.still_ns > SILENT_NS:
        said = "the asker gives no sign of life, or the journal is not read"
        return "agent", view.now_ns - ourselves.still_ns, said
    if (since_ns := nothing_comes(view)) is not None:
        return "agent", since_ns, "the agent is alive and asks, and no probe brings a result"
    spoilt, lost = view.standings.our_shares(view.now_ns)
    since_ns = view.now_ns - SPOILT_S * SECOND_NS
    if spoilt > AGENT_SHARE:
        said = f"{spoilt:.0%} of the answers of the last 5 minutes were spoilt by our own delay"
        return "agent", since_ns, said
    # What was lost while our network was down is counted still, and was told as such.
    told = view.now_ns - ourselves.cut_ns <= SPOILT_S * SECOND_NS
    if spoilt + lost > AGENT_SHARE and not told:
        said = f"{lost:.0%} of the probes of the last 5 minutes failed on our own way out"
        return "egress", since_ns, said if lost >= spoilt else f"{said}, {spoilt:.0%} by our own delay"
    if ourselves.uncounted_ns > UNCOUNTED_NS:
        said = "no evaluation of history succeeds, so burning budgets are neither found nor seen to be over"
        return EVALUATION, view.now_ns - ourselves.uncounted_ns, said
    return None
