from typing import Any

import pytest

from probes.events import event_class
from probes.result import EventClass, Fault, Outcome
from support.results import a_result

GOOD, BAD, EXCLUDED, INVALID = EventClass.GOOD, EventClass.BAD, EventClass.EXCLUDED, EventClass.INVALID


def classes(fault: Fault | None = None, **changes: Any) -> tuple[EventClass | None, ...]:
    """Return what a result counts as for availability, ttft under 0.5 s and total under 1 s."""
    result = a_result(**changes)
    return (
        event_class(result, fault, sli="availability"),
        event_class(result, fault, sli="ttft", threshold_s=0.5),
        event_class(result, fault, sli="total", threshold_s=1.0),
    )


@pytest.mark.parametrize(
    "outcome", [outcome for outcome in Outcome if a_result(outcome=outcome).meaning.confirm]
)
def test_what_is_to_be_confirmed_counts_once_it_is_settled(outcome: Outcome) -> None:
    """Nothing before; invalid where it was our own side; else by the table."""
    assert classes(outcome=outcome) == (None, None, None)
    assert classes(Fault.OURS, outcome=outcome) == (INVALID, INVALID, INVALID)
    for fault in (Fault.NONE, Fault.NOT_OURS, Fault.UNDETERMINED):
        assert classes(fault, outcome=outcome)[0] is BAD


@pytest.mark.parametrize("fault", [None, *Fault])
def test_where_nothing_is_to_be_confirmed_a_fault_says_nothing(fault: Fault | None) -> None:
    """A verdict on a good slot changes nothing."""
    assert classes(fault) == (GOOD, GOOD, GOOD)
    assert classes(fault, outcome=Outcome.CONFIG, ttft_s=None) == (INVALID, INVALID, INVALID)


def test_a_threshold_is_reached_from_below() -> None:
    """Good is at or under it."""
    assert classes(ttft_s=0.5, total_s=1.0) == (GOOD, GOOD, GOOD)
    assert classes(ttft_s=0.500000001, total_s=1.000000001) == (GOOD, BAD, BAD)


def test_an_untrusted_sample_counts_in_availability_alone() -> None:
    """A late reader still saw the answer."""
    assert classes(quality_reasons=("loop_lag",)) == (GOOD, INVALID, INVALID)


def test_throttling_is_the_objectives_word_in_availability_and_excluded_elsewhere() -> None:
    """Bought capacity that throttles is down, not slow."""
    throttled = a_result(outcome=Outcome.THROTTLED, ttft_s=None)
    assert classes(outcome=Outcome.THROTTLED, ttft_s=None) == (EXCLUDED, EXCLUDED, EXCLUDED)
    assert event_class(throttled, None, sli="availability", throttled=BAD) is BAD
    assert event_class(throttled, None, sli="ttft", threshold_s=1.0, throttled=BAD) is EXCLUDED


def test_a_filtered_answer_is_excluded_though_it_had_a_first_token() -> None:
    """Its latency is the filter's."""
    assert classes(outcome=Outcome.CONTENT_FILTER) == (EXCLUDED, EXCLUDED, EXCLUDED)


def test_a_passed_deadline_is_bad_for_latency_where_the_first_token_never_came() -> None:
    """A stall after a quick first token is bad in availability and in total, not in ttft."""
    fault = Fault.UNDETERMINED
    assert classes(fault, outcome=Outcome.FIRST_TOKEN_TIMEOUT, ttft_s=None) == (BAD, BAD, BAD)
    assert classes(fault, outcome=Outcome.STALLED, ttft_s=0.3) == (BAD, GOOD, BAD)
    late = {"outcome": Outcome.TOTAL_TIMEOUT, "ttft_s": None, "quality_reasons": ("loop_lag",)}
    assert classes(fault, **late) == (BAD, BAD, BAD)


def test_other_failures_count_in_availability_only() -> None:
    """There is no latency to judge; a first token that did come is judged."""
    fault = Fault.NOT_OURS
    assert classes(fault, outcome=Outcome.SERVER_ERROR, ttft_s=None, total_s=0.1) == (BAD, INVALID, INVALID)
    assert classes(fault, outcome=Outcome.TRUNCATED, ttft_s=0.3, total_s=0.4) == (BAD, GOOD, INVALID)


def test_a_wrong_answer_is_available_and_has_its_latency() -> None:
    """Correctness is another SLI."""
    assert classes(outcome=Outcome.MISMATCH) == (GOOD, GOOD, GOOD)


def test_a_latency_sli_without_a_threshold_is_refused() -> None:
    """There is nothing to compare with."""
    with pytest.raises(ValueError, match="total SLI needs a threshold"):
        event_class(a_result(), None, sli="total")
    with pytest.raises(ValueError, match="itl SLI needs a threshold"):
        event_class(a_result(), None, sli="itl", at_least_per_s=1.0)
    with pytest.raises(ValueError, match="throughput SLI needs a speed"):
        event_class(a_result(), None, sli="throughput", threshold_s=1.0)
    with pytest.raises(ValueError, match="residency SLI needs regions"):
        event_class(a_result(), None, sli="residency", threshold_s=1.0)


def speed_class(fault: Fault | None = None, **changes: Any) -> EventClass | None:
    result = a_result(**{"tokens_per_s": 31.0} | changes)
    return event_class(result, fault, sli="throughput", at_least_per_s=30.0)


def test_a_speed_is_reached_from_above() -> None:
    """Good is at or over what is asked for."""
    assert speed_class(tokens_per_s=30.0) is GOOD
    assert speed_class(tokens_per_s=29.999999) is BAD


def test_an_answer_without_a_speed_that_is_sure_is_invalid() -> None:
    """Too short, or stamped too late: the endpoint is not to blame."""
    assert speed_class(tokens_per_s=None) is INVALID
    assert speed_class(quality_reasons=("loop_lag",)) is INVALID


def test_an_answer_that_did_not_come_in_time_was_too_slow() -> None:
    """By the rule of the latencies: deadlines are bad, other failures count in availability alone."""
    late = Fault.UNDETERMINED
    for outcome in (Outcome.FIRST_TOKEN_TIMEOUT, Outcome.STALLED, Outcome.TOTAL_TIMEOUT):
        assert speed_class(late, outcome=outcome, tokens_per_s=None) is BAD
    assert speed_class(late, outcome=Outcome.SERVER_ERROR, tokens_per_s=None) is INVALID
    assert speed_class(late, outcome=Outcome.TRUNCATED) is INVALID
    assert speed_class(outcome=Outcome.THROTTLED, tokens_per_s=None) is EXCLUDED
    assert speed_class(outcome=Outcome.MISMATCH) is GOOD


LATE = (Outcome.FIRST_TOKEN_TIMEOUT, Outcome.STALLED, Outcome.TOTAL_TIMEOUT)


def ttfo_class(fault: Fault | None = None, **changes: Any) -> EventClass | None:
    return event_class(a_result(**changes), fault, sli="ttfo", threshold_s=0.5)


def test_a_first_output_is_judged_as_a_first_token_is() -> None:
    """At or under the threshold, of trusted samples, whatever became of the answer afterwards."""
    assert ttfo_class(ttfo_s=0.5) is GOOD
    assert ttfo_class(ttfo_s=0.500000001, ttft_s=0.1) is BAD
    assert ttfo_class(ttfo_s=0.5, quality_reasons=("loop_lag",)) is INVALID
    assert ttfo_class(Fault.NOT_OURS, outcome=Outcome.STALLED, ttfo_s=0.3) is GOOD
    assert ttfo_class(Fault.NOT_OURS, outcome=Outcome.TRUNCATED, ttfo_s=0.3) is GOOD


def test_reasoning_until_a_deadline_is_a_bad_first_output() -> None:
    """The user saw nothing; an answer whose cap went into reasoning says nothing."""
    for outcome in LATE:
        assert ttfo_class(Fault.NOT_OURS, outcome=outcome, ttft_s=0.3, ttfo_s=None) is BAD
    assert ttfo_class(finish_reason="length", ttft_s=0.3, ttfo_s=None) is INVALID
    assert ttfo_class(outcome=Outcome.CONTENT_FILTER, ttfo_s=0.3) is EXCLUDED


def itl_class(fault: Fault | None = None, **changes: Any) -> EventClass | None:
    return event_class(a_result(**{"itl_s": 0.02} | changes), fault, sli="itl", threshold_s=0.03)


def test_the_pace_of_an_answer_is_judged_where_it_is_sure() -> None:
    """One token has no pace, and a late reader knows none."""
    assert itl_class(itl_s=0.03) is GOOD
    assert itl_class(itl_s=0.030000001) is BAD
    assert itl_class(itl_s=None) is INVALID
    assert itl_class(quality_reasons=("loop_lag",)) is INVALID
    assert itl_class(outcome=Outcome.MISMATCH) is GOOD


def test_an_answer_that_stalls_has_a_bad_pace_and_one_that_is_cut_has_none() -> None:
    """As for throughput: deadlines are bad, other failures count in availability alone."""
    for outcome in LATE:
        assert itl_class(Fault.NOT_OURS, outcome=outcome) is BAD
    assert itl_class(Fault.NOT_OURS, outcome=Outcome.TRUNCATED) is INVALID
    assert itl_class(Fault.OURS, outcome=Outcome.STALLED) is INVALID
    assert itl_class(outcome=Outcome.THROTTLED, itl_s=None) is EXCLUDED


def correctness_class(fault: Fault | None = None, **changes: Any) -> EventClass | None:
    return event_class(a_result(**{"checked": True} | changes), fault, sli="correctness")


def test_an_answer_is_right_where_it_was_judged_to_be() -> None:
    """One that nobody judged, or that its cap cut, is neither right nor wrong."""
    assert correctness_class() is GOOD
    assert correctness_class(outcome=Outcome.MISMATCH) is BAD
    assert correctness_class(checked=False) is INVALID
    assert correctness_class(checked=None) is INVALID


def test_when_an_answer_came_says_nothing_of_whether_it_is_right() -> None:
    """A late reader has the whole text."""
    assert correctness_class(quality_reasons=("loop_lag",)) is GOOD
    assert correctness_class(outcome=Outcome.MISMATCH, quality_reasons=("loop_lag",)) is BAD


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - {Outcome.OK, Outcome.MISMATCH}))
def test_where_there_is_no_answer_there_is_no_wrong_one(outcome: Outcome) -> None:
    """Failures count in availability alone, deadlines too; nor does an answer that never came tell a place."""
    excluded = outcome in {Outcome.THROTTLED, Outcome.CONTENT_FILTER}
    counted = EXCLUDED if excluded else INVALID
    assert correctness_class(Fault.NOT_OURS, outcome=outcome) is counted
    assert residency_class("eastus2", Fault.NOT_OURS, outcome=outcome) is counted


def residency_class(
    told: str | None, fault: Fault | None = None, fact: str = "region", **changes: Any
) -> EventClass | None:
    backend = {} if told is None else {fact: told}
    served_in = ("eastus2", "Sweden Central")
    return event_class(a_result(backend=backend, **changes), fault, sli="residency", served_in=served_in)


def test_an_answer_is_at_home_where_it_tells_a_region_of_the_list() -> None:
    """However the two are spelt."""
    assert residency_class("East US 2") is GOOD
    assert residency_class("swedencentral") is GOOD
    assert residency_class("East US") is BAD
    assert residency_class("eastus2", fact="inference_geo") is GOOD
    assert residency_class("East US", outcome=Outcome.MISMATCH, quality_reasons=("loop_lag",)) is BAD


def test_an_answer_that_tells_no_region_is_never_good() -> None:
    """Nor bad: nobody knows."""
    for told in (None, "", "global", "not_available"):
        assert residency_class(told) is INVALID
    assert residency_class("eastus2", fact="edge") is INVALID
