"""A vendor's own word beside an alert of ours: what it says, and how long before or after us. Pure."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from agent.feeds.incident import Incident
from agent.slo.alerts import Alert, Step
from agent.telling.vendors import Spoken
from agent.telling.verdict import Fault
from exporters import durations
from probes.target import Target

VENDOR: Final = "vendor"
_FACTS: Final = (VENDOR, "vendor_said_ns", "vendor_lead_s", "vendor_incident", "vendor_url")
_NO_MATTER: Final = (Fault.NETWORK, Fault.AGENT, Fault.QUOTA)
"""What is ours to mend is no matter of a vendor's page."""

NEAR_NS: Final = 24 * 3600 * 1_000_000_000
"""An incident that a vendor told of so long before ours began is another one, unless it goes on."""


def worded(
    done: Step, before: Mapping[str, Alert], spoken: Sequence[Spoken], targets: Mapping[str, Target]
) -> tuple[Step, list[Alert]]:
    """Return a step with the vendors' words in its alerts, and those that were there before and have other words now."""
    if not spoken and not any(VENDOR in alert.finding.facts for alert in before.values()):
        return done, []
    alive = {
        key: _spoken_of(alert, before.get(key), spoken, targets) if alert.ended_ns is None else alert
        for key, alert in done.alive.items()
    }
    by_id = {alert.id: alert for alert in alive.values()}
    changed = [
        alert
        for key, alert in alive.items()
        if key in before and alert.finding.facts.get(VENDOR) != before[key].finding.facts.get(VENDOR)
    ]
    began, rose = (tuple(by_id[alert.id] for alert in one) for one in (done.began, done.rose))
    return dataclasses.replace(done, alive=alive, began=began, rose=rose), changed


def _spoken_of(
    alert: Alert, before: Alert | None, spoken: Sequence[Spoken], targets: Mapping[str, Target]
) -> Alert:
    """Return an alert with what the vendors of what fails say; what they said before stays where they are silent now."""
    known = (
        {}
        if before is None
        else {name: before.finding.facts[name] for name in _FACTS if name in before.finding.facts}
    )
    facts = alert.finding.facts
    failing = [targets[name] for name in alert.finding.failing if name in targets]
    clouds = {target.cloud for target in failing} | {alert.finding.labels.get("cloud", "")} - {""}
    said: dict[str, Any] = {}
    if not str(facts.get("fault", "")).startswith(_NO_MATTER):
        regions = [target.region for target in failing if target.region]
        said = _said(sorted(clouds), regions, spoken, alert.finding.since_ns, known)
    if "vendor_said_ns" in known and "vendor_said_ns" not in said:
        said = known
    merged = {name: value for name, value in facts.items() if name not in _FACTS} | (said or known)
    return dataclasses.replace(alert, finding=dataclasses.replace(alert.finding, facts=merged))


def _said(
    clouds: Iterable[str],
    regions: Sequence[str],
    spoken: Sequence[Spoken],
    since_ns: int,
    known: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the facts of what the vendors of some clouds say of a trouble; nothing where none of them has a feed."""
    sentences: list[str] = []
    found: list[Incident] = []
    for cloud in clouds:
        theirs = [one for one in spoken if one.feed.cloud == cloud]
        about = [
            incident
            for one in theirs
            for incident in one.incidents
            if incident.fits(one.feed.match, regions) and _concerns(incident, since_ns)
        ]
        if not about:
            sentences += [f"{cloud}'s status page says nothing of it"] if theirs else []
            continue
        nearest = min(about, key=lambda one: (one.ended_ns is not None, abs(one.said_ns - since_ns), one.id))
        if nearest.id == known.get(
            "vendor_incident"
        ):  # when it was said first is what counts, over restarts too
            nearest = dataclasses.replace(nearest, said_ns=known["vendor_said_ns"])
        sentences.append(sentence(cloud, nearest, since_ns))
        found.append(nearest)
    if not sentences:
        return {}
    facts: dict[str, Any] = {VENDOR: "; ".join(sentences)}
    if found:
        first = min(found, key=lambda one: one.said_ns)
        facts["vendor_said_ns"] = first.said_ns
        facts["vendor_lead_s"] = round((since_ns - first.said_ns) / 1e9, 3)
        facts["vendor_incident"] = first.id
        facts |= {"vendor_url": first.url} if first.url else {}
    return facts


def _concerns(incident: Incident, since_ns: int) -> bool:
    """Return whether an incident may be what we saw begin: it was not over before, nor another day's."""
    if incident.ended_ns is not None:
        return incident.ended_ns >= since_ns and incident.said_ns >= since_ns - NEAR_NS
    return incident.until_ns is None or incident.until_ns >= since_ns


def sentence(cloud: str, incident: Incident, since_ns: int) -> str:
    """Return what a vendor says, and how long before or after it began here.

    >>> one = Incident(id="1", title="Errors", began_ns=0, said_ns=240_000_000_000, updated_ns=0)
    >>> sentence("openai", one, 0)
    "openai's status page says: Errors (said at 00:04 UTC, 4m after it began here)"
    >>> over = dataclasses.replace(one, ended_ns=3600_000_000_000)
    >>> sentence("openai", over, 300_000_000_000)
    "openai's status page says: Errors (said at 00:04 UTC, 1m before it began here), over since 01:00 UTC"
    """
    lead_s = round((since_ns - incident.said_ns) / 1e9)
    when = (
        f"{durations.write(abs(lead_s))} {'before' if lead_s > 0 else 'after'} it began here"
        if lead_s
        else "as it began here"
    )
    over = "" if incident.ended_ns is None else f", over since {_clock(incident.ended_ns)}"
    return f"{cloud}'s status page says: {incident.title} (said at {_clock(incident.said_ns)}, {when}){over}"


def _clock(ns: int) -> str:
    return f"{datetime.fromtimestamp(ns // 1_000_000_000, UTC):%H:%M} UTC"
