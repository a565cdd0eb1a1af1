"""What is exported keeps OpenSLO's specification of v1, and reads back as what it was."""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from agent.telling.ruling import specs as rule_specs
from exporters import openslo, openslo_reading
from exporters.signals import ObjectiveSpec, ServiceSpec
from probes.events import LATENCIES
from support.configuration import LOCAL, loaded

DAY_S = 86400.0
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", fullmatch=True)
ALERT = rule_specs(loaded(f"targets: [{LOCAL}]").config)[0].alerts[0]
SPEC = ObjectiveSpec(
    id="openai-chat-available",
    objective="available",
    sli="availability",
    ratio=0.999,
    window_s=28 * DAY_S,
    target="openai",
    probe="chat",
    series=("openai-chat-available",),
    alerts=(ALERT,),
    labels={"team": "sre", "owner": "somebody with spaces"},
)


@st.composite
def objectives(draw: st.DrawFn) -> ObjectiveSpec:
    """Draw whatever an objective may be, those of services included."""
    calendar = draw(st.sampled_from([None, *openslo.CALENDARS]))
    lengths = {"week": 7, "month": 30, "quarter": 90, "year": 365}
    sliced = draw(st.booleans())
    of_service = draw(st.booleans())
    sli = draw(st.sampled_from(openslo_reading.SLIS))
    under = st.floats(0.001, 1000).map(lambda value: round(value, 6))
    speed = st.floats(0.1, 1e6)
    return ObjectiveSpec(
        id=draw(NAMES),
        objective=draw(NAMES),
        sli=sli,
        ratio=draw(st.integers(2, 99_999)) / 100_000 * 0.98 + 0.01999,
        window_s=lengths[calendar] * DAY_S if calendar else draw(st.integers(1, 100_000)) * 60.0,
        target=None if of_service else draw(NAMES),
        probe=None if of_service else draw(NAMES),
        service=draw(services()) if of_service else None,
        series=tuple(draw(st.lists(NAMES, min_size=1, max_size=3))),
        under_s=draw(under if sli in LATENCIES else st.none() | under),
        at_least_per_s=draw(speed if sli == "throughput" else st.none() | speed),
        throttled=draw(st.sampled_from([None, "bad", "excluded"])),
        calendar=calendar,
        timezone=draw(st.sampled_from(["UTC", "Europe/Berlin"])) if calendar else "UTC",
        slice_s=draw(st.integers(1, 60)) * 60.0 if sliced else None,
        slice_ratio=draw(st.sampled_from([0.5, 0.95, 1.0])) if sliced else None,
    )


@st.composite
def services(draw: st.DrawFn) -> ServiceSpec:
    return ServiceSpec(
        name=draw(NAMES),
        members=tuple(draw(st.lists(NAMES, max_size=4))),
        at_least=draw(st.integers(1, 9)),
        of=draw(st.sampled_from(["target", "cloud", "region"])),
        team=draw(st.none() | NAMES),
    )


def parsed(text: str) -> list[Any]:
    return list(YAML(typ="safe", pure=True).load_all(text))


def faults(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield where a document breaks a rule that OpenSLO's specification states of v1."""
    metadata, spec = document["metadata"], document["spec"]
    if document["apiVersion"] != "openslo/v1":
        yield "apiVersion"
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", metadata["name"]):
        yield f"name {metadata['name']}"
    for key, value in metadata.get("annotations", {}).items():
        if not re.fullmatch(r"[a-z0-9A-Z][a-z0-9A-Z._-]{0,62}", key) or not isinstance(value, str):
            yield f"annotation {key}"
    for key, value in metadata.get("labels", {}).items():
        if not re.fullmatch(r"[a-z0-9A-Z][a-z0-9A-Z._-]{0,62}", value):
            yield f"label {key}"
    if len(spec.get("description", "")) > 1050:
        yield "description"
    yield from {"SLO": _slo, "AlertPolicy": _policy}.get(document["kind"], _nothing)(spec)


def _nothing(_spec: Mapping[str, Any]) -> Iterator[str]:
    return iter(())


def _slo(spec: Mapping[str, Any]) -> Iterator[str]:
    if "service" not in spec or ("indicator" in spec) == ("indicatorRef" in spec):
        yield "service, indicator"
    ratio = spec["indicator"]["spec"]["ratioMetric"]
    if (
        not isinstance(ratio["counter"], bool)
        or ("good" in ratio) == ("bad" in ratio)
        or "total" not in ratio
    ):
        yield "ratioMetric"
    if len(spec["timeWindow"]) != 1 or not re.fullmatch(
        r"[1-9]\d*[mhdwMQY]", spec["timeWindow"][0]["duration"]
    ):
        yield "timeWindow"
    for objective in spec["objectives"]:
        sliced = spec["budgetingMethod"] == "Timeslices"
        if not 0 <= objective["target"] < 1 or sliced != ("timeSliceTarget" in objective):
            yield "objectives"
        if sliced != ("timeSliceWindow" in objective):
            yield "timeSliceWindow"
    if spec["budgetingMethod"] not in {"Occurrences", "Timeslices"}:
        yield "budgetingMethod"


def _policy(spec: Mapping[str, Any]) -> Iterator[str]:
    if len(spec["conditions"]) != 1 or not spec["notificationTargets"]:
        yield "conditions, notificationTargets"
    condition = spec["conditions"][0]["spec"]
    if not condition["severity"] or condition["condition"].keys() < {
        "kind",
        "threshold",
        "lookbackWindow",
        "alertAfter",
    }:
        yield "condition"


@given(st.lists(objectives(), max_size=3))
def test_what_is_exported_keeps_the_specification(found: list[ObjectiveSpec]) -> None:
    documents = parsed(openslo.render(openslo.documents(found)))
    assert [fault for document in documents for fault in faults(document)] == []
    assert sum(document["kind"] == "SLO" for document in documents) == len(found)


@given(objectives())
def test_what_is_exported_reads_back_as_it_was(spec: ObjectiveSpec) -> None:
    """But for what names it elsewhere: ids, series, alerts and labels follow from a configuration."""
    carried = openslo_reading.read(parsed(openslo.render(openslo.documents([spec]))))
    (back,) = carried.specs
    assert carried.notes == ()
    assert dataclasses.replace(back, id=spec.id, series=spec.series) == spec


@given(st.lists(NAMES, min_size=2, max_size=2, unique=True))
def test_two_names_stay_two(names: list[str]) -> None:
    assert openslo.name(names[0]) != openslo.name(names[1])


def test_an_slo_refers_to_documents_that_are_there() -> None:
    documents = openslo.documents([SPEC, dataclasses.replace(SPEC, id="b", target="b", series=("b",))])
    named = {(document["kind"], document["metadata"]["name"]) for document in documents}
    assert [document["kind"] for document in documents] == [
        *("Service", "Service", "AlertNotificationTarget", "AlertPolicy", "SLO", "SLO")
    ]
    for slo in documents[-2:]:
        assert ("Service", slo["spec"]["service"]) in named
        assert [("AlertPolicy", one["alertPolicyRef"]) for one in slo["spec"]["alertPolicies"]] == [
            ("AlertPolicy", "burn-page-1h-13-44")
        ]
    assert {("AlertPolicy", "burn-page-1h-13-44"), ("AlertNotificationTarget", "page")} <= named


def test_events_are_our_counters_and_what_is_no_label_is_left_out() -> None:
    slo = openslo.documents([SPEC])[-1]
    ratio = slo["spec"]["indicator"]["spec"]["ratioMetric"]
    assert ratio["good"]["metricSource"]["spec"]["query"] == (
        'sum(nephoscope_sli_events_total{slo="openai-chat-available",result="good"})'
    )
    assert ratio["total"]["metricSource"]["spec"]["query"] == (
        'sum(nephoscope_sli_events_total{slo="openai-chat-available",result=~"good|bad"})'
    )
    assert slo["metadata"]["labels"] == {"team": "sre"}


def test_what_openslo_has_no_duration_for_is_refused() -> None:
    with pytest.raises(ValueError, match=r"whole minutes, and 90\.5 s are none"):
        openslo.documents([dataclasses.replace(SPEC, window_s=90.5)])
