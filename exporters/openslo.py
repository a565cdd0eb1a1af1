"""Objectives as OpenSLO v1: one SLO each over our counters, the services that they belong to, and their alert policies.

What OpenSLO has no word for (which SLI it is, of which target and probe, what is still good) stands in annotations,
from which `exporters.openslo_reading` reads it back. The specification: https://github.com/OpenSLO/OpenSLO
"""

import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from ruamel.yaml import YAML

from exporters import conventions as names
from exporters import durations
from exporters.rules_words import percent, quoted
from exporters.signals import BurnAlert, ObjectiveSpec, ServiceSpec

API_VERSION: Final = "openslo/v1"
PREFIX: Final = "nephoscope-"
"""Of the annotations; OpenSLO asks for a DNS name only where a key has a slash."""

DERIVED: Final = "derived"
"""The annotation of what follows from the objectives: whoever reads them back may leave it out."""

UNITS_S: Final = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
"""OpenSLO's duration is one number and one unit, of which a minute is the shortest."""

CALENDARS: Final = {"week": "1w", "month": "1M", "quarter": "1Q", "year": "1Y"}
_BEGINS: Final = {"week": "2024-01-01"}  # a Monday
_FIRST: Final = "2024-01-01"

_MAX_NAME: Final = 63
_FORBIDDEN = re.compile(r"[^a-z0-9]+")
_LABEL_VALUE = re.compile(r"[a-z0-9A-Z][a-z0-9A-Z._-]{0,62}")

Document = dict[str, Any]


def documents(specs: Sequence[ObjectiveSpec]) -> list[Document]:
    """Return services, alert policies and who they tell, then the SLOs; ValueError where one cannot be said."""
    slos = [_slo(spec) for spec in specs]
    alerts = {_policy_name(alert): alert for spec in specs for alert in spec.alerts}
    return [
        *_services(specs),
        *(_notified(severity) for severity in sorted({alert.severity for alert in alerts.values()})),
        *(_policy(name, alert) for name, alert in alerts.items()),
        *slos,
    ]


def render(found: Iterable[Document]) -> str:
    """Return documents as a stream of YAML."""
    yaml, out = YAML(), io.StringIO()
    yaml.explicit_start = True
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.dump_all(list(found), out)
    return out.getvalue()


def name(text: str) -> str:
    """Return a name that OpenSLO takes (RFC 1123, 63 characters); one that had to be changed stays one of its own.

    >>> name("azure-eu-chat-available"), name("My_Model")
    ('azure-eu-chat-available', 'my-model-5ca7297d')
    """
    fitting = _FORBIDDEN.sub("-", text.lower()).strip("-")
    if fitting == text and len(text) <= _MAX_NAME:
        return text
    mark = hashlib.blake2b(text.encode(), digest_size=4).hexdigest()
    return f"{fitting[: _MAX_NAME - 9].strip('-')}-{mark}".strip("-")


def duration(seconds: float) -> str:
    """Return a duration in the largest unit that holds it whole; ValueError where none does.

    >>> duration(28 * 86400), duration(5400)
    ('28d', '90m')
    """
    for unit in ("d", "h", "m"):
        size = UNITS_S[unit]
        if seconds > 0 and seconds % size == 0:
            return f"{int(seconds // size)}{unit}"
    raise ValueError(f"OpenSLO counts in whole minutes, and {seconds:g} s are none")


def seconds(value: float) -> str:
    """Return seconds to the last digit, as our configuration reads them.

    >>> seconds(1.5), seconds(0.0005)
    ('1.5s', '0.0005s')
    """
    return f"{Decimal(repr(value)).normalize():f}s"


# -- the SLOs


def _slo(spec: ObjectiveSpec) -> Document:
    body: dict[str, Any] = {
        "description": _description(spec),
        "service": name(_service_of(spec)),
        "indicator": {
            "metadata": {"name": name(spec.id)},
            "spec": {
                "ratioMetric": {
                    "counter": True,
                    "good": _metric(spec, "good"),
                    "total": _metric(spec, "good|bad"),
                }
            },
        },
        "timeWindow": [_window(spec)],
        "budgetingMethod": "Occurrences" if spec.slice_s is None else "Timeslices",
        "objectives": [_objective(spec)],
    }
    if spec.alerts:
        body["alertPolicies"] = [{"alertPolicyRef": _policy_name(alert)} for alert in spec.alerts]
    return _document("SLO", spec.id, body, labels=spec.labels, annotations=_annotations(spec))


def _service_of(spec: ObjectiveSpec) -> str:
    return spec.service.name if spec.service else spec.target or spec.objective


def _description(spec: ObjectiveSpec) -> str:
    what = f"Service {spec.service.name}" if spec.service else f"{spec.target} ({spec.probe})"
    return f"{what}: {spec.objective}, {percent(spec.ratio)} % of {spec.sli}"


def _metric(spec: ObjectiveSpec, result: str) -> Document:
    which = "|".join(map(re.escape, spec.series))
    matched = f"slo={quoted(spec.series[0])}" if len(spec.series) == 1 else f"slo=~{quoted(which)}"
    classed = f'result=~"{result}"' if "|" in result else f'result="{result}"'
    query = f"sum({names.SLI_EVENTS.name}{{{matched},{classed}}})"
    return {"metricSource": {"type": "Prometheus", "spec": {"query": query}}}


def _window(spec: ObjectiveSpec) -> Document:
    if spec.calendar is None:
        return {"duration": duration(spec.window_s), "isRolling": True}
    start = f"{_BEGINS.get(spec.calendar, _FIRST)} 00:00:00"
    return {
        "duration": CALENDARS[spec.calendar],
        "isRolling": False,
        "calendar": {"startTime": start, "timeZone": spec.timezone},
    }


def _objective(spec: ObjectiveSpec) -> Document:
    found: Document = {"displayName": spec.objective, "target": spec.ratio}
    if spec.slice_s is not None:
        found |= {"timeSliceTarget": spec.slice_ratio, "timeSliceWindow": duration(spec.slice_s)}
    return found


def _annotations(spec: ObjectiveSpec) -> dict[str, str]:
    service = _service_annotations(spec.service) if spec.service else {}
    said = {
        "objective": spec.objective,
        "sli": spec.sli,
        "target": spec.target,
        "probe": spec.probe,
        "under": None if spec.under_s is None else seconds(spec.under_s),
        "at-least": None if spec.at_least_per_s is None else repr(spec.at_least_per_s),
        "throttled": spec.throttled,
        **service,
    }
    return {PREFIX + key: value for key, value in said.items() if value is not None}


def _service_annotations(service: ServiceSpec) -> dict[str, str | None]:
    return {
        "service": service.name,
        "members": " ".join(service.members),
        "healthy": f"{service.at_least} {service.of}",
        "team": service.team,
    }


# -- what they refer to


def _services(specs: Iterable[ObjectiveSpec]) -> Iterator[Document]:
    for service in dict.fromkeys(map(_service_of, specs)):
        yield _document("Service", service, {"description": f"{service}, as nephoscope knows it"})


def _policy_name(alert: BurnAlert) -> str:
    """Return a name that says all that a policy holds, so that SLOs which burn alike share one."""
    return f"burn-{alert.severity}-{alert.long}-{alert.factor:.6f}".rstrip("0").rstrip(".").replace(".", "-")


def _policy(policy: str, alert: BurnAlert) -> Document:
    condition = {
        "kind": "burnrate",
        "op": "gt",
        "threshold": alert.factor,
        "lookbackWindow": duration(durations.read(alert.long)),
        "alertAfter": "0m",
    }
    return _document(
        "AlertPolicy",
        policy,
        {
            "description": f"A burn above {alert.factor:.4g} over {alert.long}. nephoscope itself asks for the same over "
            f"{alert.short} as well, and for failures enough to tell",
            "alertWhenBreaching": True,
            "alertWhenResolved": True,
            "alertWhenNoData": False,
            "conditions": [
                {
                    "kind": "AlertCondition",
                    "metadata": {"name": policy},
                    "spec": {"severity": alert.severity, "condition": condition},
                }
            ],
            "notificationTargets": [{"targetRef": alert.severity}],
        },
    )


def _notified(severity: str) -> Document:
    return _document("AlertNotificationTarget", severity, {"target": severity})


def _document(
    kind: str,
    title: str,
    spec: Document,
    *,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> Document:
    metadata: Document = {"name": name(title)}
    if metadata["name"] != title:
        metadata["displayName"] = title
    fitting = {key: value for key, value in (labels or {}).items() if _LABEL_VALUE.fullmatch(value)}
    if fitting:
        metadata["labels"] = fitting
    metadata["annotations"] = dict(annotations or {PREFIX + DERIVED: "true"})
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}
