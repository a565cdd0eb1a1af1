"""OpenSLO v1 documents to objectives, with a sentence for whatever cannot be carried over."""

import dataclasses
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final, TypeGuard

from exporters.openslo import API_VERSION, CALENDARS, DERIVED, PREFIX, UNITS_S, Document
from exporters.signals import ObjectiveSpec, ServiceSpec
from probes.events import LATENCIES

SLIS: Final = ("availability", "ttft", "ttfo", "itl", "total", "throughput", "correctness", "residency")
USUAL_S: Final = 28 * 86400.0

_LONG_S: Final = {"M": 30 * 86400, "Q": 90 * 86400, "Y": 365 * 86400}
_DURATION = re.compile(r"([1-9][0-9]{0,8})([mhdwMQY])")
_MIDNIGHT = re.compile(r"(\d{4}-(\d\d)-(\d\d))(?:[ T]00:00(?::00)?)?")
_NAMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_OURS = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")


@dataclasses.dataclass(frozen=True, slots=True)
class Carried:
    """What was read: objectives, what of the documents is not carried over, and how many SLOs were left out."""

    specs: tuple[ObjectiveSpec, ...]
    notes: tuple[str, ...]
    left_out: int


class _LeftOutError(Exception):
    """An SLO cannot be carried over; the message says why and what to do."""


def read(documents: Sequence[Any]) -> Carried:
    """Return the objectives of documents; nothing in them is guessed at."""
    notes: list[str] = []
    specs: list[ObjectiveSpec] = []
    left_out = 0
    indicators = {_name(one): one for one in documents if _kind(one) == "SLI"}
    for place, document in enumerate(documents, start=1):
        fault = _unreadable(document)
        if fault:
            notes.append(f"document {place} {fault}")
        elif _kind(document) == "SLO":
            try:
                found = list(_specs(document, indicators, notes))
            except _LeftOutError as reason:
                notes.append(f"SLO {_name(document)} is left out: {reason}")
                left_out += 1
            else:
                specs += found
        elif _kind(document) in _NOT_CARRIED and not _annotation(document, DERIVED):
            notes.append(
                f"{_kind(document)} {_name(document)} is not carried over: {_NOT_CARRIED[_kind(document)]}"
            )
    return Carried(tuple(specs), tuple(notes), left_out)


_NOT_CARRIED: Final = {
    "DataSource": "nephoscope judges what it probes itself, so it has no sources",
    "AlertPolicy": "what pages and what is a ticket follows from each objective's own budget",
    "AlertCondition": "what pages and what is a ticket follows from each objective's own budget",
    "AlertNotificationTarget": "write who is told under alerts.receivers and alerts.routes",
}


def _unreadable(document: Any) -> str | None:
    if not isinstance(document, dict):
        return "is no map, so it is left out; an OpenSLO document begins with apiVersion, kind and metadata"
    if document.get("apiVersion") != API_VERSION:
        return f"is of {str(document.get('apiVersion', 'no version'))[:60]}, so it is left out; this version reads {API_VERSION}"
    if not isinstance(document.get("spec"), dict):
        return "has no spec, so it is left out; write what it is about under spec"
    if not _name(document):
        return "has no metadata.name, so it is left out; give it one"
    if _kind(document) not in {"SLO", "SLI", "Service", *_NOT_CARRIED}:
        return f"is a {_kind(document)[:60] or 'thing of no kind'}, which is not carried over"
    return None


# -- one SLO


def _specs(slo: Document, indicators: Mapping[str, Document], notes: list[str]) -> Iterator[ObjectiveSpec]:
    spec, said = slo["spec"], _said(slo)
    indicator = spec.get("indicator") or indicators.get(str(spec.get("indicatorRef")))
    if isinstance(indicator, dict):
        said = _said(indicator) | said
    sli = _sli(said, indicator)
    objectives = spec.get("objectives")
    if not isinstance(objectives, list) or not objectives:
        raise _LeftOutError("it has no objectives; write objectives: [{target: 0.999}]")
    window = _window(_name(slo), spec, notes)
    for place, objective in enumerate(objectives, start=1):
        if not isinstance(objective, dict):
            raise _LeftOutError("an objective of it is no map; write objectives: [{target: 0.999}]")
        title = said.get("objective", _name(slo)) + (f"-{place}" if len(objectives) > 1 else "")
        if _NAMED.fullmatch(title) is None:
            raise _LeftOutError(
                f"its name is none here; say one of letters, digits, dots, dashes and underscores by {PREFIX}objective"
            )
        yield ObjectiveSpec(
            id=title,
            objective=title,
            sli=sli,
            ratio=_ratio(objective),
            target=said.get("target"),
            probe=said.get("probe"),
            service=_service(said),
            under_s=_under(sli, said),
            at_least_per_s=_at_least(sli, said),
            throttled=_one_of(said, "throttled", ("excluded", "bad")),
            **window,
            **_slices(spec.get("budgetingMethod"), objective),
        )
    policies = spec.get("alertPolicies")
    if isinstance(policies, list) and not all(
        isinstance(one, dict) and "alertPolicyRef" in one for one in policies
    ):
        notes.append(
            f"SLO {_name(slo)}: its alert policies are not carried over: {_NOT_CARRIED['AlertPolicy']}"
        )


def _sli(said: Mapping[str, str], indicator: Any) -> str:
    sli = said.get("sli")
    if sli in SLIS:
        return sli
    if sli is not None:
        raise _LeftOutError(f"{PREFIX}sli: {sli[:60]} is no SLI; write one of {', '.join(SLIS)}")
    raise _LeftOutError(
        f"{_source(indicator)}, and nephoscope judges what it probes itself; say what that comes to by the annotation "
        f"{PREFIX}sli ({', '.join(SLIS)}), and {PREFIX}under where it is a latency"
    )


def _source(indicator: Any) -> str:
    """Say what an indicator reads: its first source's type."""
    if not isinstance(indicator, dict):
        return "its indicator is not among the documents"
    sources = list(_sources(indicator.get("spec")))
    if not sources:
        return "its indicator names no source"
    kind = sources[0].get("type") or sources[0].get("metricSourceRef") or "a source of no type"
    return f"its indicator reads {str(kind)[:60]}"


def _sources(tree: Any) -> Iterator[Mapping[str, Any]]:
    if not isinstance(tree, dict):
        return
    for key, value in tree.items():
        if key == "metricSource" and isinstance(value, dict):
            yield value
        else:
            yield from _sources(value)


def _window(title: str, spec: Mapping[str, Any], notes: list[str]) -> dict[str, Any]:
    windows = spec.get("timeWindow")
    if not windows:
        notes.append(f"SLO {title} has no timeWindow: 28d is taken")
        return {"window_s": USUAL_S}
    first = windows[0] if isinstance(windows, list) else None
    if not isinstance(first, dict) or len(windows) > 1:
        raise _LeftOutError("timeWindow wants a list of one map, as in [{duration: 28d, isRolling: true}]")
    text, calendar = str(first.get("duration")), first.get("calendar")
    if isinstance(calendar, dict) and not first.get("isRolling"):
        unit = _unit(text, str(calendar.get("startTime")))
        return {
            "window_s": _length_s(text),
            "calendar": unit,
            "timezone": str(calendar.get("timeZone", "UTC")),
        }
    if text[-1:] in _LONG_S:
        notes.append(f"SLO {title}: a rolling window of {text} is taken for {_length_s(text) / 86400:g} days")
    return {"window_s": _length_s(text)}


def _unit(text: str, start: str) -> str:
    unit = {said: unit for unit, said in CALENDARS.items()}.get(text)
    if unit is None:
        raise _LeftOutError(
            f"a calendar window of {text[:60]} is not known here; write one of {', '.join(CALENDARS.values())}"
        )
    begins = _MIDNIGHT.fullmatch(start)
    aligned = {"month": ("01",), "quarter": ("01", "04", "07", "10"), "year": ("01",)}
    if begins is None or (begins[3] != "01" if unit != "week" else _weekday(begins[1]) != _MONDAY):
        raise _LeftOutError(
            f"its calendar starts at {start[:60]}; nephoscope's start at midnight of a unit's first day"
        )
    if unit in {"quarter", "year"} and begins[2] not in aligned[unit]:
        raise _LeftOutError(f"its calendar starts at {start[:60]}; nephoscope's {unit}s start with January")
    return unit


def _weekday(day: str) -> int | None:
    try:
        return date.fromisoformat(day).weekday()
    except ValueError:
        return None


_MONDAY: Final = 0


def _length_s(text: str) -> float:
    found = _DURATION.fullmatch(text)
    if found is None:
        raise _LeftOutError(f"{text[:60]} is no duration of OpenSLO; write a number and one unit, as in 28d")
    return float(int(found[1]) * (UNITS_S | _LONG_S)[found[2]])


def _ratio(objective: Mapping[str, Any]) -> float:
    """Return the target; of targetPercent the digits are moved, as 99.9 / 100 is not 0.999."""
    ratio, percent = objective.get("target"), objective.get("targetPercent")
    if _is_number(percent):
        told = float(Decimal(repr(percent)) / 100)
        if ratio not in {None, told}:
            raise _LeftOutError(
                f"target {str(ratio)[:60]} and targetPercent {percent} differ; keep one of them"
            )
        ratio = told
    if not _is_number(ratio) or not 0.01 < ratio < 1:
        raise _LeftOutError(
            f"a target of {str(ratio)[:60]} leaves no budget or asks for nothing; write one above 0.01 and under 1"
        )
    return float(ratio)


def _slices(method: Any, objective: Mapping[str, Any]) -> dict[str, Any]:
    if method is None or method == "Occurrences":
        return {}
    if method != "Timeslices":
        raise _LeftOutError(
            f"budgetingMethod {str(method)[:60]} is not known here; write Occurrences or Timeslices"
        )
    window, ratio = objective.get("timeSliceWindow"), objective.get("timeSliceTarget")
    if not _is_number(ratio) or not 0 < ratio <= 1:
        raise _LeftOutError("its slices want a timeSliceTarget above 0 and up to 1")
    minutes = f"{window}m" if isinstance(window, int) else str(window)
    return {"slice_s": _length_s(minutes), "slice_ratio": float(ratio)}


def _service(said: Mapping[str, str]) -> ServiceSpec | None:
    if "service" not in said:
        return None
    healthy = re.fullmatch(r"([1-9]\d{0,5}) (target|cloud|region)", said.get("healthy", "1 cloud"))
    if healthy is None:
        raise _LeftOutError(f"{PREFIX}healthy wants a number and target, cloud or region, as in 2 cloud")
    return ServiceSpec(
        name=said["service"],
        members=tuple(said.get("members", "").split()),
        at_least=int(healthy[1]),
        of=healthy[2],
        team=said.get("team"),
    )


def _under(sli: str, said: Mapping[str, str]) -> float | None:
    text = said.get("under")
    if text is None and sli in LATENCIES:
        raise _LeftOutError(f"nothing says which {sli} is still good; write {PREFIX}under: 1.5s")
    found = _OURS.fullmatch(text) if text is not None else None
    if text is not None and found is None:
        raise _LeftOutError(f"{PREFIX}under: {text[:60]} is no latency; write seconds, as in 1.5s")
    return float(found[1]) if found else None


def _at_least(sli: str, said: Mapping[str, str]) -> float | None:
    text = said.get("at-least")
    if text is None:
        if sli == "throughput":
            raise _LeftOutError(f"nothing says which speed is still good; write {PREFIX}at-least: 30")
        return None
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 < found < math.inf:
        raise _LeftOutError(f"{PREFIX}at-least: {text[:60]} is no number above 0")
    return found


def _one_of(said: Mapping[str, str], key: str, known: Sequence[str]) -> str | None:
    if said.get(key) not in {None, *known}:
        raise _LeftOutError(f"{PREFIX}{key}: {said[key][:60]} is not known; write one of {', '.join(known)}")
    return said.get(key)


# -- documents


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _kind(document: Any) -> str:
    return str(document.get("kind", "")) if isinstance(document, dict) else ""


def _metadata(document: Mapping[str, Any]) -> Mapping[str, Any]:
    found = document.get("metadata")
    return found if isinstance(found, dict) else {}


def _name(document: Any) -> str:
    return str(_metadata(document).get("name") or "") if isinstance(document, dict) else ""


def _said(document: Mapping[str, Any]) -> dict[str, str]:
    """Return our annotations, without their prefix."""
    found = _metadata(document).get("annotations")
    return {
        str(key).removeprefix(PREFIX): str(value)
        for key, value in (found.items() if isinstance(found, dict) else ())
        if str(key).startswith(PREFIX)
    }


def _annotation(document: Mapping[str, Any], key: str) -> str | None:
    return _said(document).get(key)
