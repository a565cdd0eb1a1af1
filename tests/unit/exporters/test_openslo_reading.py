"""Documents of others: what can be carried is, and a sentence says what cannot and why."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.openslo_reading import read

FOREIGN: dict[str, Any] = {
    "apiVersion": "openslo/v1",
    "kind": "SLO",
    "metadata": {"name": "checkout", "annotations": {"nephoscope-sli": "ttft", "nephoscope-under": "1.5s"}},
    "spec": {
        "service": "shop",
        "indicator": {
            "metadata": {"name": "checkout"},
            "spec": {"ratioMetric": {"good": {"metricSource": {"type": "Datadog", "spec": {}}}}},
        },
        "timeWindow": [{"duration": "4w", "isRolling": True}],
        "budgetingMethod": "Occurrences",
        "objectives": [{"targetPercent": 99.9}],
    },
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return FOREIGN with the value at a dotted path replaced, or taken out where it is None."""
    document = copy.deepcopy(FOREIGN)
    *parents, last = path.split(".")
    at = document
    for key in parents:
        at = at[key]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return document


def test_an_slo_of_somebody_else_is_carried_where_it_says_what_it_is_here() -> None:
    carried = read([FOREIGN])
    (spec,) = carried.specs
    assert (spec.objective, spec.sli, spec.under_s) == ("checkout", "ttft", 1.5)
    assert (spec.ratio, spec.window_s) == (0.999, 28 * 86400.0)
    assert (spec.target, spec.probe) == (None, None)
    assert carried.notes == ()


def test_annotations_may_stand_on_the_indicator_that_it_refers_to() -> None:
    slo = changed("spec.indicator", None)
    slo["spec"]["indicatorRef"] = "first-token"
    del slo["metadata"]["annotations"]
    sli = {"apiVersion": "openslo/v1", "kind": "SLI", "spec": {}}
    sli["metadata"] = {"name": "first-token", "annotations": FOREIGN["metadata"]["annotations"]}
    assert read([slo, sli]).specs == read([FOREIGN]).specs


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (
            changed("metadata.annotations", None),
            "its indicator reads Datadog, and nephoscope judges what it probes",
        ),
        (
            changed("metadata.annotations", {"nephoscope-sli": "uptime"}),
            "uptime is no SLI; write one of availability",
        ),
        (
            changed("metadata.annotations", {"nephoscope-sli": "ttft", "nephoscope-under": "2"}),
            "2 is no latency",
        ),
        (changed("spec.objectives", []), "it has no objectives"),
        (changed("spec.objectives", [{"target": 1.0}]), "a target of 1.0 leaves no budget"),
        (changed("spec.objectives", [{"target": 0.0}]), "a target of 0.0 leaves no budget"),
        (changed("spec.budgetingMethod", "RatioTimeslices"), "RatioTimeslices is not known here"),
        (changed("spec.budgetingMethod", "Timeslices"), "want a timeSliceTarget"),
        (changed("spec.timeWindow", [{"duration": "28 days"}]), "28 days is no duration of OpenSLO"),
        (changed("spec.timeWindow", [{"duration": "1d"}] * 2), "wants a list of one map"),
        (
            changed(
                "spec.timeWindow", [{"duration": "2M", "calendar": {"startTime": "2026-01-01 00:00:00"}}]
            ),
            "a calendar window of 2M is not known here",
        ),
        (
            changed(
                "spec.timeWindow", [{"duration": "1M", "calendar": {"startTime": "2026-01-15 00:00:00"}}]
            ),
            "its calendar starts at 2026-01-15",
        ),
        (
            changed(
                "spec.timeWindow", [{"duration": "1Q", "calendar": {"startTime": "2026-02-01 00:00:00"}}]
            ),
            "quarters start with January",
        ),
        (
            changed(
                "spec.timeWindow", [{"duration": "1w", "calendar": {"startTime": "2026-11-22 00:00:00"}}]
            ),
            "its calendar starts at 2026-11-22 00:00:00; nephoscope's start at midnight of a unit's first day",
        ),
        (
            changed("metadata.annotations", {"nephoscope-sli": "itl"}),
            "nothing says which itl is still good; write nephoscope-under: 1.5s",
        ),
        (
            changed("metadata.annotations", {"nephoscope-sli": "throughput"}),
            "nothing says which speed is still good; write nephoscope-at-least: 30",
        ),
        (
            changed("spec.objectives", [{"target": 0.9, "targetPercent": 99.9}]),
            "target 0.9 and targetPercent 99.9 differ; keep one of them",
        ),
    ],
)
def test_what_cannot_be_carried_is_left_out_with_a_sentence(document: dict[str, Any], said: str) -> None:
    carried = read([document, FOREIGN])
    assert carried.left_out == 1
    assert len(carried.specs) == 1
    assert [said in note and note.startswith("SLO checkout is left out: ") for note in carried.notes] == [
        True
    ]


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("text", "document 1 is no map"),
        (changed("apiVersion", "openslo/v1alpha"), "document 1 is of openslo/v1alpha"),
        (changed("spec", None), "document 1 has no spec"),
        (changed("metadata", None), "document 1 has no metadata.name"),
        (changed("kind", "Composite"), "document 1 is a Composite"),
        (
            changed("kind", "DataSource"),
            "DataSource checkout is not carried over: nephoscope judges what it probes",
        ),
        (changed("kind", "AlertPolicy"), "AlertPolicy checkout is not carried over"),
        (changed("spec.timeWindow", None), "has no timeWindow: 28d is taken"),
        (changed("spec.timeWindow", [{"duration": "1M"}]), "a rolling window of 1M is taken for 30 days"),
        (changed("spec.alertPolicies", [{"kind": "AlertPolicy"}]), "its alert policies are not carried over"),
    ],
)
def test_what_is_taken_otherwise_is_said(document: Any, said: str) -> None:
    (note,) = read([document]).notes
    assert said in note


def test_calendars_and_slices_are_carried() -> None:
    month = {"duration": "1M", "calendar": {"startTime": "2026-01-01 00:00:00", "timeZone": "Europe/Berlin"}}
    document = changed("spec.timeWindow", [month])
    document["spec"]["budgetingMethod"] = "Timeslices"
    document["spec"]["objectives"] = [{"target": 0.999, "timeSliceTarget": 0.95, "timeSliceWindow": 5}]
    (spec,) = read([document]).specs
    assert (spec.calendar, spec.timezone) == ("month", "Europe/Berlin")
    assert (spec.slice_s, spec.slice_ratio) == (300.0, 0.95)


def test_several_objectives_of_an_slo_get_names_of_their_own() -> None:
    carried = read([changed("spec.objectives", [{"target": 0.999}, {"target": 0.99}])])
    assert [(spec.objective, spec.ratio) for spec in carried.specs] == [
        ("checkout-1", 0.999),
        ("checkout-2", 0.99),
    ]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.sampled_from(["apiVersion", "kind", "metadata", "spec", *(f"spec.{key}" for key in FOREIGN["spec"])]),
    ANYTHING.filter(lambda value: value is not None),
)
def test_whatever_stands_anywhere_ends_in_an_objective_or_a_sentence(path: str, value: Any) -> None:
    carried = read([changed(path, value)])
    assert carried.specs or carried.notes


def test_a_name_that_is_none_here_is_left_out_unless_another_is_said() -> None:
    spaced = changed("metadata.name", "Check out")
    (note,) = read([spaced]).notes
    assert "its name is none here; say one of letters, digits, dots, dashes and underscores" in note
    spaced["metadata"]["annotations"] = FOREIGN["metadata"]["annotations"] | {
        "nephoscope-objective": "checkout"
    }
    assert [spec.objective for spec in read([spaced]).specs] == ["checkout"]


def test_a_target_may_be_said_twice_where_both_are_the_same() -> None:
    (spec,) = read([changed("spec.objectives", [{"target": 0.999, "targetPercent": 99.9}])]).specs
    assert spec.ratio == 0.999
