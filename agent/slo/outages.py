"""The outages of services, and which burning of a budget they explain: what was told as an outage is no second page. Pure."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from agent.slo import spans
from agent.slo.burning import Windows, burning
from agent.slo.conditions import Condition
from agent.slo.impact import Impact
from agent.slo.service import Service

KEPT_NS: Final = 7 * 3600 * 1_000_000_000
"""How long an outage is remembered: no short window reaches further back than 6 h and a minute."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """When a service was under its healthy minimum, as it was seen last; `paged` says that it is told as a page."""

    since_ns: int
    until_ns: int
    paged: bool = False

    def explains(
        self,
        condition: Condition,
        service: Service,
        series: Sequence[Windows],
        now_ns: int,
        hold_ns: int,
    ) -> bool:
        """Return whether a condition that holds of a service's budget says no more than that there was this outage.

        It does while the outage's own alert is open, and for as long as the short window holds its failures. One that
        pages nobody yet (the only member is down for less than `page.after`) explains its own failures alone: others
        of the long window may be as many as are needed.
        """
        age_ns = now_ns - self.until_ns
        if self.paged:
            return age_ns < max(hold_ns, spans.reach_ns(condition.window.short_s))
        if age_ns >= spans.reach_ns(condition.window.short_s):
            return False
        slots = int((self.until_ns - self.since_ns) / 1e9 / min(one.every_s for one in service.members)) + 1
        long = condition.window.long
        before = [{**one, long: one[long].mended(slots)} for one in series]
        return not burning(condition, service.ratio, before)


Outages = Mapping[str, Outage]
"""The last outage of each service, by its name."""


def after(
    known: Outages, impacts: Mapping[str, Impact], paged: Collection[str], now_ns: int
) -> dict[str, Outage]:
    """Return the outages as they are after one more look; `paged` names the services whose outage's alert pages.

    >>> under = Impact(well=(), failing=(), unknown=(), units_well=0, under=True, since_ns=10)
    >>> first = after({}, {"nano": under}, (), 20)
    >>> after(first, {"nano": under}, {"nano"}, 30)
    {'nano': Outage(since_ns=10, until_ns=30, paged=True)}
    """
    found = {name: one for name, one in known.items() if now_ns - one.until_ns < KEPT_NS}
    for name, impact in impacts.items():
        if not impact.under or impact.since_ns is None:
            continue
        last = found.get(name)
        goes_on = last is not None and last.until_ns >= impact.since_ns
        told = name in paged or (last is not None and goes_on and last.paged)
        since_ns = last.since_ns if last is not None and goes_on else impact.since_ns
        found[name] = Outage(since_ns=since_ns, until_ns=now_ns, paged=told)
    return found
