"""What a drill lets be found: whatever would be wrong if its target failed in earnest, marked and told as ordered. Pure."""

import dataclasses
from collections.abc import Iterable, Iterator

from agent.slo.alerts import Finding, Severity
from storage.records import Drill

KEY = "drill/"


def findings(drill: Drill, real: Iterable[Finding], drilled: Iterable[Finding]) -> Iterator[Finding]:
    """Yield what is found with the drilled target failing and is not found without it.

    >>> drill = Drill(id="d", target="a", fault="hang", severity="ticket", author="ada", since_ns=0, until_ns=9)
    >>> down = Finding(key="target-down/a", name="TargetDown", severity="page", subject="a", since_ns=1)
    >>> [(one.key, one.severity, one.over_ns) for one in findings(drill, [], [down])], list(findings(drill, [down], [down]))
    ([('drill/target-down/a', 'ticket', 9)], [])
    """
    there = {finding.key for finding in real}
    severity: Severity = "page" if drill.severity == "page" else "ticket"
    said = {
        "drill": f"{drill.fault} of {drill.target}, asked for by {drill.author}",
        "drill_until_ns": drill.until_ns,
    }
    for finding in drilled:
        if finding.key not in there:
            yield dataclasses.replace(
                finding,
                key=f"{KEY}{finding.key}",
                severity=severity,
                labels={**finding.labels, "drill": "true"},
                facts={**finding.facts, **said},
                over_ns=drill.until_ns,
            )
