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
    with pytest.raises(ValueError, match="throughput SLI needs a speed"):
        event_class(a_result(), None, sli="throughput", threshold_s=1.0)


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
