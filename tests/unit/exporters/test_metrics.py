import dataclasses
import json
import random
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporters import conventions
from exporters.metrics import Metrics
from exporters.signals import Judged, SelfReport, SeriesPlan, SloKey, SloStatus, TargetInfo
from exporters.snapshots import SnapshotError
from exporters.states import state_of
from probes.result import DEGRADED, EventClass, Fault, Outcome, ProbeResult
from support.results import MS, STARTED_NS, a_result

Steps = list[tuple[str, Any]]

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
AVAILABLE = SloKey(objective="available", target="openai", probe="chat")
MEASURED = {"target": "openai", "probe": "chat", "vantage": "fra-1"}


def a_target(name: str = "openai", **changes: Any) -> TargetInfo:
    known: dict[str, Any] = {
        "provider": "openai",
        "cloud": "openai",
        "region": None,
        "model": "nano",
        "team": "sre",
    }
    return TargetInfo(target=name, simulated=False, **known | changes)


def a_plan(
    *targets: TargetInfo,
    thresholds: Mapping[str, tuple[float, ...]] | None = None,
    vantage: str = "fra-1",
) -> SeriesPlan:
    targets = targets or (a_target(),)
    return SeriesPlan(
        config_hash="0123456789abcdef",
        rules_hash="fedcba9876543210",
        vantage=vantage,
        targets=targets,
        probes=tuple((target.target, "chat") for target in targets),
        slos=tuple(
            (SloKey(objective="available", target=target.target, probe="chat"), 0.999) for target in targets
        ),
        thresholds=thresholds or {},
    )


NANO = SloKey(objective="service", pool="nano")


def planned(plan: SeriesPlan | None = None) -> Metrics:
    metrics = Metrics("0.1.0")
    metrics.plan(plan or a_plan())
    return metrics


def judged(result: ProbeResult | None = None, **changes: Any) -> Judged:
    known: dict[str, Any] = {"fault": Fault.NONE, "classes": {"available": EventClass.GOOD}}
    return Judged(result=result or a_result(), **known | changes)


def a_report(**changes: Any) -> SelfReport:
    known: dict[str, Any] = {
        "at_ns": STARTED_NS,
        "boot": "one",
        "lateness": {"0.001": 3, "0.01": 2, "+Inf": 1},
        "lateness_sum_s": 0.5,
        "loop_lag": {"0.001": 7, "+Inf": 0},
        "loop_lag_sum_s": 0.002,
        "journal_bytes": 4096,
        "journal_oldest_ns": STARTED_NS,
        "clock_offset_s": -0.0003,
    }
    return SelfReport(**known | changes)


def a_status(**changes: Any) -> SloStatus:
    known: dict[str, Any] = {
        "slo": AVAILABLE,
        "vantage": "fra-1",
        "objective_ratio": 0.999,
        "window_s": 28 * 86400.0,
        "state": "good",
        "period": "28d",
        "sli": {"5m": 1.0, "28d": None},
        "burn": {"5m": 0.0, "1h": 2.5},
        "budget_remaining": -0.25,
        "met_probability": None,
        "coverage": 0.97,
        "evaluated_ns": STARTED_NS,
    }
    return SloStatus(**known | changes)


def page(metrics: Metrics, accept: str = "") -> str:
    return metrics.render(accept)[1].decode()


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    """Return the one sample of that name whose labels include those given; None where there is none."""
    found = [
        sample.value
        for family in parse_text(page(metrics))
        for sample in family.samples
        if sample.name == "nephoscope_" + name and labels.items() <= sample.labels.items()
    ]
    assert len(found) <= 1, found
    return found[0] if found else None


def test_counters_that_rules_use_stand_at_0_before_the_first_result() -> None:
    metrics = planned()
    for outcome in Outcome:
        assert value(metrics, "probe_results_total", outcome=outcome.value, **MEASURED) == 0
    for event in EventClass:
        labels = {"slo": "openai-chat-available", "objective": "available", "result": event.value}
        assert value(metrics, "sli_events_total", **labels, **MEASURED) == 0
    assert value(metrics, "sli_expected_events_total", slo="openai-chat-available") == 0
    assert value(metrics, "probe_ttft_seconds_count", **MEASURED) == 0


def test_the_same_plan_again_changes_nothing() -> None:
    metrics = planned()
    metrics.settle(judged())
    before = metrics.snapshot()
    metrics.plan(a_plan())
    assert metrics.snapshot() == before


def test_series_of_a_removed_target_vanish_with_the_plan() -> None:
    metrics = planned(a_plan(a_target(), a_target("azure")))
    metrics.take(a_result(ratelimit={"remaining_requests": 5.0}))
    metrics.settle(judged())
    metrics.show((a_status(),))
    metrics.plan(a_plan(a_target("azure")))
    assert "openai-chat" not in page(metrics)
    assert 'target="openai"' not in page(metrics)
    assert 'quota="openai"' not in page(metrics)


def test_a_late_result_of_a_removed_target_does_not_bring_it_back() -> None:
    metrics = planned(a_plan(a_target("azure")))
    metrics.take(a_result())
    metrics.settle(judged())
    metrics.expect(AVAILABLE, 3)
    assert 'target="openai"' not in page(metrics)


def test_another_vantage_begins_at_0() -> None:
    metrics = planned()
    metrics.settle(judged())
    metrics.plan(a_plan(vantage="lon-1"))
    assert value(metrics, "probe_results_total", target="openai", outcome="ok") == 0
    assert "fra-1" not in page(metrics)


def test_every_attempt_spends_at_once_and_only_the_settled_one_is_counted() -> None:
    metrics = planned()
    metrics.take(a_result())
    metrics.take(a_result(attempt=1))
    assert value(metrics, "probe_tokens_total", direction="input", **MEASURED) == 24
    assert value(metrics, "probe_tokens_total", direction="output", **MEASURED) == 22
    assert value(metrics, "probe_estimated_cost_usd_total", **MEASURED) == 0.5
    assert value(metrics, "probe_results_total", outcome="ok", **MEASURED) == 0
    metrics.settle(judged())
    assert value(metrics, "probe_results_total", outcome="ok", **MEASURED) == 1


def test_a_confirmation_is_never_settled_into_a_counter() -> None:
    metrics = planned()
    metrics.settle(judged(a_result(attempt=1)))
    assert value(metrics, "probe_results_total", outcome="ok", **MEASURED) == 0


def test_tokens_that_were_not_observed_make_no_series() -> None:
    metrics = planned()
    metrics.take(a_result(input_tokens=None, output_tokens=None, cost_usd=None))
    assert value(metrics, "probe_tokens_total", direction="input") is None
    assert value(metrics, "probe_estimated_cost_usd_total") is None


def test_the_last_result_never_moves_back() -> None:
    metrics = planned()
    metrics.take(a_result(started_ns=STARTED_NS + 5_000 * MS))
    metrics.take(a_result())
    assert value(metrics, "probe_last_result_timestamp_seconds", **MEASURED) == 1_800_000_005


def test_certificate_and_rate_limits_are_what_the_endpoint_said_last() -> None:
    metrics = planned()
    expiry = datetime(2027, 1, 1, tzinfo=UTC)
    metrics.take(
        a_result(tls_expires_at=expiry, ratelimit={"remaining_tokens": 90.0, "limit_requests": 5000.0})
    )
    metrics.take(a_result(ratelimit={"remaining_tokens": 80.0}))
    assert value(metrics, "tls_certificate_not_after_timestamp_seconds", **MEASURED) == expiry.timestamp()
    assert value(metrics, "ratelimit_remaining_tokens", quota="openai") == 80
    assert value(metrics, "ratelimit_limit_requests", quota="openai") == 5000
    assert value(metrics, "ratelimit_remaining_requests", quota="openai") is None


def test_targets_that_share_a_quota_show_its_limits_under_its_name() -> None:
    """Over a restart too; with the plan that shared it, the name goes."""
    plan = dataclasses.replace(
        a_plan(a_target(), a_target("azure")), quotas={"openai": "sre", "azure": "sre"}
    )
    metrics = planned(plan)
    metrics.take(a_result(ratelimit={"remaining_tokens": 90.0}))
    metrics.take(a_result(target="azure", ratelimit={"remaining_tokens": 80.0}))
    again = Metrics("1")
    again.restore(metrics.snapshot())
    again.plan(plan)
    assert value(again, "ratelimit_remaining_tokens", quota="sre") == 80
    assert value(again, "ratelimit_remaining_tokens", quota="openai") is None
    again.plan(a_plan(a_target(), a_target("azure")))
    assert value(again, "ratelimit_remaining_tokens") is None


def test_who_served_is_told_of_the_newest_good_answer_alone() -> None:
    """Another backend takes the place of the one before; a refusal by whatever is on the way takes none."""
    metrics = planned()
    served = {"region": "East US 2", "edge": "FRA"}
    metrics.take(a_result(backend=served, fingerprint="fp_1"))
    assert value(metrics, "probe_backend", backend="edge=FRA,region=East US 2", fingerprint="fp_1") == 1
    metrics.take(a_result(backend=served | {"region": "Central US"}, fingerprint="fp_2"))
    metrics.take(a_result(backend={"edge": "IAD"}, outcome=Outcome.OVERLOADED))
    metrics.take(a_result())
    assert value(metrics, "probe_backend", **MEASURED) == 1
    assert value(metrics, "probe_backend", backend="edge=FRA,region=Central US", fingerprint="fp_2") == 1


def test_a_new_session_of_a_backend_makes_no_new_series() -> None:
    metrics = planned()
    metrics.take(a_result(backend={"region": "East US 2", "session": "d-1"}))
    assert value(metrics, "probe_backend", backend="region=East US 2") == 1


def test_thresholds_of_objectives_are_bucket_edges() -> None:
    metrics = planned(a_plan(thresholds={"ttft": (1.75,), "total": (42.0,)}))
    metrics.settle(judged(a_result(ttft_s=1.75, total_s=42.5)))
    assert value(metrics, "probe_ttft_seconds_bucket", le="1.75") == 1
    assert value(metrics, "probe_ttft_seconds_bucket", le="1.5") == 0
    assert value(metrics, "probe_duration_seconds_bucket", le="42.0") == 0
    assert value(metrics, "probe_duration_seconds_bucket", le="+Inf") == 1


def test_a_speed_is_seen_in_tokens_a_second_and_its_objective_is_an_edge() -> None:
    metrics = planned(a_plan(thresholds={"throughput": (33.0,)}))
    metrics.settle(judged(a_result(tokens_per_s=33.0)))
    metrics.settle(judged(a_result(tokens_per_s=None)))
    assert value(metrics, "probe_output_tokens_per_second_bucket", le="30.0") == 0
    assert value(metrics, "probe_output_tokens_per_second_bucket", le="33.0") == 1
    assert value(metrics, "probe_output_tokens_per_second_count") == 1


def test_phases_are_summed_where_they_were_observed() -> None:
    metrics = planned()
    metrics.settle(judged())
    metrics.settle(judged(a_result(reused=True, dns_s=None, connect_s=None, tls_s=None)))
    assert value(metrics, "probe_phase_seconds_count", phase="dns") == 1
    assert value(metrics, "probe_phase_seconds_count", phase="ttfb") == 2
    assert value(metrics, "probe_phase_seconds_sum", phase="ttfb") == pytest.approx(0.2)
    assert value(metrics, "probe_phase_seconds_count", phase="proxy") is None


def test_an_untrusted_sample_is_counted_with_its_reasons_and_left_out_of_latencies() -> None:
    metrics = planned()
    metrics.settle(judged(a_result(quality_reasons=("loop_lag", "clock_step"))))
    assert value(metrics, "probe_results_total", outcome="ok") == 1
    assert value(metrics, "probe_untrusted_total", reason="loop_lag") == 1
    assert value(metrics, "probe_untrusted_total", reason="clock_step") == 1
    assert value(metrics, "probe_ttft_seconds_count") == 0
    assert value(metrics, "probe_phase_seconds_count", phase="ttfb") is None


def test_only_a_whole_answer_has_a_duration() -> None:
    metrics = planned()
    metrics.settle(judged(a_result(outcome=Outcome.SERVER_ERROR, ttft_s=None, total_s=0.01)))
    metrics.settle(judged(a_result(outcome=Outcome.TRUNCATED, total_s=0.4)))
    assert value(metrics, "probe_duration_seconds_count") == 0
    assert value(metrics, "probe_ttft_seconds_count") == 1


def test_slots_count_once_for_each_objective_that_looks_at_them() -> None:
    metrics = planned()
    metrics.settle(judged(classes={"available": EventClass.BAD, "elsewhere": EventClass.GOOD}))
    metrics.expect(AVAILABLE, 4)
    assert value(metrics, "sli_events_total", result="bad") == 1
    assert value(metrics, "sli_events_total", result="good") == 0
    assert value(metrics, "sli_expected_events_total") == 4


def test_a_target_stays_down_until_something_else_than_a_failure_is_seen() -> None:
    """A slot that fails while another's confirmations run has none of its own: that is no recovery."""
    metrics = planned()
    bad = a_result(outcome=Outcome.SERVER_ERROR)
    metrics.settle(judged(bad, fault=Fault.UNDETERMINED, confirmed=True))
    metrics.settle(judged(bad, fault=Fault.UNDETERMINED, confirmed=False))
    assert value(metrics, "target_state", state="down") == 1
    metrics.settle(judged())
    metrics.settle(judged(bad, fault=Fault.UNDETERMINED, confirmed=False))
    assert value(metrics, "target_state", state="degraded") == 1


def test_of_what_was_never_settled_nothing_is_known() -> None:
    """Which rules on states can ask for; the first state is told as a first one, also after a restart."""
    metrics = planned()
    assert {each: value(metrics, "target_state", state=each) for each in conventions.TARGET_STATES} == {
        "good": 0.0,
        "degraded": 0.0,
        "down": 0.0,
        "unknown": 1.0,
    }
    metrics.take(a_result())
    assert metrics.state(a_result()) is None
    metrics.settle(judged())
    assert metrics.state(a_result()) == "good"
    again = planned()
    again.restore(metrics.snapshot())
    again.plan(dataclasses.replace(a_plan(), config_hash="another"))
    assert again.state(a_result()) == "good"
    assert value(again, "target_state", state="unknown") == 0.0


@pytest.mark.parametrize(
    ("state", "outcome", "confirmed", "fault", "event"),
    [
        ("good", Outcome.OK, False, Fault.NONE, EventClass.GOOD),
        ("degraded", Outcome.OK, False, Fault.NONE, EventClass.BAD),
        ("degraded", Outcome.MISMATCH, False, Fault.NONE, EventClass.GOOD),
        ("degraded", Outcome.THROTTLED, False, Fault.NONE, EventClass.EXCLUDED),
        ("degraded", Outcome.SERVER_ERROR, False, Fault.UNDETERMINED, EventClass.BAD),
        ("down", Outcome.SERVER_ERROR, True, Fault.UNDETERMINED, EventClass.BAD),
        ("unknown", Outcome.CONNECT_REFUSED, True, Fault.OURS, EventClass.INVALID),
        ("unknown", Outcome.CONFIG, False, Fault.NONE, EventClass.INVALID),
        ("unknown", Outcome.AGENT_FAULT, False, Fault.NONE, EventClass.INVALID),
    ],
)
def test_a_target_is_in_exactly_one_state(
    state: str, outcome: Outcome, *, confirmed: bool, fault: Fault, event: EventClass
) -> None:
    told = judged(a_result(outcome=outcome), fault=fault, confirmed=confirmed, classes={"available": event})
    assert state_of(told) == state
    metrics = planned()
    metrics.settle(judged())
    metrics.settle(told)
    shown = {each: value(metrics, "target_state", state=each) for each in conventions.TARGET_STATES}
    assert shown == {each: float(each == state) for each in conventions.TARGET_STATES}


def test_what_fails_in_announced_maintenance_is_not_known_to_be_down() -> None:
    """So no rule on states pages of work that was announced; a good answer is good then too."""
    failing = judged(
        a_result(outcome=Outcome.SERVER_ERROR),
        fault=Fault.UNDETERMINED,
        confirmed=True,
        classes={"available": EventClass.EXCLUDED},
    )
    metrics = planned()
    metrics.settle(failing)
    metrics.settle(dataclasses.replace(failing, maintained=True))
    assert value(metrics, "target_state", state="down") == 0.0
    assert value(metrics, "target_state", state="unknown") == 1.0
    throttled = judged(a_result(outcome=Outcome.THROTTLED), classes={"available": EventClass.EXCLUDED})
    assert state_of(throttled) == "degraded"
    assert state_of(dataclasses.replace(throttled, maintained=True)) == "unknown"
    assert state_of(dataclasses.replace(judged(), maintained=True)) == "good"


def test_a_good_answer_of_what_stands_in_for_what_was_bought_shows_degraded() -> None:
    """It stays good for every objective: the target alone is not well."""
    told = judged(
        a_result(backend={"deployment": "standard", "spillover_from": "ptu", DEGRADED: "spillover_from"})
    )
    assert told.result.meaning.good
    assert state_of(told) == "degraded"


def test_the_newest_statuses_take_the_place_of_those_before() -> None:
    metrics = planned()
    metrics.show((a_status(state="bad", burn={"5m": 20.0}),))
    metrics.show((a_status(),))
    assert value(metrics, "slo_burn_rate", window="5m") == 0
    assert value(metrics, "slo_burn_rate", window="1h") == 2.5
    assert value(metrics, "slo_error_budget_remaining_ratio") == -0.25
    assert value(metrics, "slo_coverage_ratio") == 0.97
    assert value(metrics, "slo_objective_ratio") == 0.999
    assert value(metrics, "slo_evaluated_timestamp_seconds") == STARTED_NS / 1e9
    assert value(metrics, "slo_state", state="good") == 1
    assert value(metrics, "slo_state", state="bad") == 0


def test_what_cannot_be_told_is_no_sample() -> None:
    metrics = planned()
    metrics.show((a_status(),))
    assert value(metrics, "slo_met_probability_ratio") is None
    assert value(metrics, "sli_ratio", window="28d") is None
    assert value(metrics, "sli_ratio", window="5m") == 1


def test_beats_add_up() -> None:
    metrics = planned()
    metrics.beat(a_report())
    metrics.beat(a_report(at_ns=STARTED_NS + 2_000 * MS, journal_bytes=5000, journal_oldest_ns=None))
    assert value(metrics, "agent_schedule_lateness_seconds_bucket", le="0.01") == 10
    assert value(metrics, "agent_schedule_lateness_seconds_count") == 12
    assert value(metrics, "agent_schedule_lateness_seconds_sum") == 1
    assert value(metrics, "agent_event_loop_lag_seconds_count") == 14
    assert value(metrics, "agent_last_beat_timestamp_seconds") == STARTED_NS / 1e9 + 2
    assert value(metrics, "agent_journal_bytes") == 5000
    assert value(metrics, "agent_journal_oldest_timestamp_seconds") is None


def test_our_own_error_is_shown_while_it_is_known() -> None:
    """What a later beat does not know is gone from the page, never 0 and never the last value."""
    metrics = planned()
    both = {"no": {"p50": 1e-5, "p99": 2e-5}, "yes": {"p50": 2e-5, "p99": 4e-5}}
    metrics.beat(a_report(calibration=both))
    assert value(metrics, "agent_calibration_error_seconds", stat="p99", tls="yes") == 4e-5
    metrics.beat(a_report(calibration={"no": both["no"]}))
    assert value(metrics, "agent_calibration_error_seconds", stat="p50", tls="no") == 1e-5
    assert value(metrics, "agent_calibration_error_seconds", stat="p99", tls="yes") is None


def test_an_offset_that_nobody_tells_any_more_is_not_shown() -> None:
    metrics = planned()
    metrics.beat(a_report())
    assert value(metrics, "agent_clock_offset_seconds") == -0.0003
    metrics.beat(a_report(clock_offset_s=None))
    assert value(metrics, "agent_clock_offset_seconds") is None


def test_a_beat_without_buckets_adds_nothing() -> None:
    metrics = planned()
    metrics.beat(a_report(lateness={}, loop_lag={}))
    assert value(metrics, "agent_schedule_lateness_seconds_count") is None


def test_drops_of_a_restarted_asker_add_to_those_of_the_one_before() -> None:
    metrics = planned()
    for boot, count in (("one", 3), ("one", 5), ("two", 1), ("two", 2)):
        metrics.beat(a_report(boot=boot, dropped={"disk_full": count}))
    assert value(metrics, "agent_journal_records_dropped_total", reason="disk_full") == 7


def test_the_teller_says_what_it_knows_of_itself() -> None:
    metrics = planned()
    metrics.skipped("overlap")
    metrics.dropped("journal_gap", 3)
    metrics.duplicate(2)
    metrics.spans_dropped(9)
    metrics.database_up(up=True)
    metrics.database_up(up=False)
    metrics.default_partition_rows(0)
    metrics.notified("heartbeat", "sent")
    metrics.reloaded(STARTED_NS, taken=True)
    metrics.reloaded(STARTED_NS, taken=False)
    metrics.task_succeeded("retention", STARTED_NS)
    metrics.journal(10, STARTED_NS)
    at = STARTED_NS / 1e9
    assert value(metrics, "agent_runs_skipped_total", reason="overlap") == 1
    assert value(metrics, "agent_runs_skipped_total", reason="late") == 0
    assert value(metrics, "agent_results_dropped_total", reason="journal_gap") == 3
    assert value(metrics, "agent_results_duplicate_total") == 2
    assert value(metrics, "agent_spans_dropped_total") == 9
    assert value(metrics, "agent_database_up") == 0
    assert value(metrics, "agent_default_partition_rows") == 0
    assert value(metrics, "agent_notifications_total", receiver="heartbeat", state="sent") == 1
    assert value(metrics, "agent_config_last_reload_successful") == 0
    assert value(metrics, "agent_config_last_reload_success_timestamp_seconds") == at
    assert value(metrics, "agent_task_last_success_timestamp_seconds", task="retention") == at
    assert value(metrics, "agent_journal_oldest_timestamp_seconds") == at
    assert value(metrics, "agent_config_info", hash="0123456789abcdef", rules="fedcba9876543210") == 1
    assert value(metrics, "build_info", version="0.1.0") == 1


def test_target_info_carries_what_measured_series_do_not() -> None:
    target = a_target(region="eastus2", labels={"env": "prod", "costCentre": '4"2\n'})
    metrics = planned(a_plan(target, a_target("azure")))
    assert (
        value(
            metrics,
            "target_info",
            target="openai",
            provider="openai",
            target_cloud="openai",
            target_region="eastus2",
            model="nano",
            team="sre",
            label_env="prod",
            label_cost_centre='4"2\n',
        )
        == 1
    )
    assert "target_region" not in next(
        line for line in page(metrics).splitlines() if 'target="azure"' in line
    )


def test_exemplars_name_trace_and_root_span_in_openmetrics_alone() -> None:
    metrics = planned()
    result = a_result()
    metrics.settle(judged(result))
    content_type, body = metrics.render(OPENMETRICS)
    assert content_type.startswith("application/openmetrics-text")
    exemplars = [
        sample.exemplar
        for family in parse_openmetrics(body.decode())
        for sample in family.samples
        if sample.name == "nephoscope_probe_ttft_seconds_bucket" and sample.exemplar
    ]
    assert [exemplar.labels for exemplar in exemplars] == [
        {"trace_id": result.id.hex, "span_id": result.id.hex[16:]}
    ]
    assert exemplars[0].value == result.ttft_s
    content_type, body = metrics.render("text/plain")
    assert content_type.startswith("text/plain")
    assert result.id.hex not in body.decode()


def test_both_formats_tell_the_same_numbers() -> None:
    metrics = full_page()
    texts = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in parse_text(page(metrics))
        for sample in family.samples
    }
    opened = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in parse_openmetrics(page(metrics, OPENMETRICS))
        for sample in family.samples
    }
    assert texts == opened


def full_page() -> Metrics:
    """Return metrics with at least one series of every family."""
    plan = a_plan(a_target(labels={"env": "prod"}), thresholds={"ttft": (2.0,)})
    metrics = planned(dataclasses.replace(plan, services=(NANO,), sliced=(AVAILABLE,)))
    metrics.services({"nano": (1, 1)})
    metrics.warm({"openai": True})
    everything = dict.fromkeys(conventions.RATELIMIT, 1.0)
    expiry = datetime(2027, 1, 1, tzinfo=UTC)
    result = a_result(ratelimit=everything, tls_expires_at=expiry, backend={"edge": "FRA"})
    metrics.take(result)
    metrics.settle(judged(result))
    metrics.settle(judged(a_result(quality_reasons=("loop_lag",))))
    metrics.show((a_status(met_probability=0.5),))
    metrics.beat(
        a_report(
            dropped={"disk_full": 1},
            calibration={"no": {"p99": 2e-5}},
            budget_left={"usd": 1.0, "tokens": 2.0},
            budget_used={"day": {"usd": 0.5}},
            witnesses={"internet": {"tls:www.example.com:443": "up"}},
        )
    )
    metrics.dropped("journal_gap", 1)
    metrics.duplicate(1)
    metrics.spans_dropped(1)
    metrics.database_up(up=True)
    metrics.default_partition_rows(0)
    metrics.notified("heartbeat", "sent")
    metrics.reloaded(STARTED_NS, taken=True)
    metrics.task_succeeded("retention", STARTED_NS)
    return metrics


def test_what_is_left_of_a_budget_is_shown_as_the_asker_says_and_not_at_all_without_one() -> None:
    """Negative where the cap is passed: availability probes go on."""
    metrics = Metrics("1")
    metrics.plan(a_plan())
    assert value(metrics, "agent_runs_skipped_total", reason="budget") == 0
    used = {"day": {"usd": 1.25, "tokens": 0.5}, "target": {"usd": 0.9}}
    metrics.beat(a_report(budget_left={"usd": -2.5, "tokens": 1e6}, budget_used=used))
    assert value(metrics, "agent_budget_remaining_usd") == -2.5
    assert value(metrics, "agent_budget_remaining_tokens") == 1e6
    assert value(metrics, "agent_budget_used_ratio", scope="day", unit="usd") == 1.25
    assert value(metrics, "agent_budget_used_ratio", scope="target", unit="usd") == 0.9
    metrics.beat(a_report())
    assert "agent_budget" not in page(metrics)


def test_a_witness_is_up_or_not_and_not_shown_while_nobody_knows() -> None:
    metrics = Metrics("1")
    states = {"up": "up", "down": "down", "silent": "no_vote"}
    metrics.beat(a_report(witnesses={"internet": states}))
    shown = [value(metrics, "witness_up", network="internet", witness=name) for name in states]
    assert shown == [1, 0, 0]
    metrics.beat(a_report())
    assert "witness_up" not in page(metrics)


def test_an_evaluation_that_a_change_of_plan_overtook_brings_no_series_back() -> None:
    """What the new plan does not name has left the page in the tick of the change, and stays away."""
    metrics = Metrics("1")
    metrics.plan(a_plan())
    status = a_status(met_probability=0.5)
    metrics.plan(dataclasses.replace(a_plan(), slos=()))
    metrics.show((status,))
    assert status.slo.id not in page(metrics)


def test_every_family_of_the_conventions_can_be_observed() -> None:
    shown = {family.name for family in parse_text(page(full_page()))}
    suffix = {"counter": "_total", "info": ""}
    named = {
        family.name.removesuffix(suffix.get(family.kind, "")) for family in conventions.FAMILIES.values()
    }
    assert shown == named


def test_a_pool_counts_what_its_pairs_count() -> None:
    """Its series carry no target and no probe, and stand at 0 before the first result; its parts have none."""
    pool = SloKey(objective="available", pool="all")
    plan = a_plan(a_target("openai"), a_target("azure"))
    pairs = (("openai", "chat"), ("azure", "chat"))
    metrics = planned(dataclasses.replace(plan, slos=((pool, 0.999),), pools=((pool, pairs),)))
    events = "sli_events_total"
    assert value(metrics, events, slo="all-available", result="bad", target="", probe="") == 0.0
    for target, kind in (("openai", EventClass.BAD), ("azure", EventClass.GOOD), ("azure", EventClass.GOOD)):
        metrics.settle(Judged(result=a_result(target=target), fault=Fault.NONE, classes={"available": kind}))
    metrics.expect(SloKey(objective="available", target="azure", probe="chat"), 5)
    twin = Metrics("0.1.0")
    twin.restore(metrics.snapshot())
    for one in (metrics, twin):
        assert value(one, events, slo="all-available", result="good") == 2.0
        assert value(one, events, slo="all-available", result="bad") == 1.0
        assert value(one, "sli_expected_events_total", slo="all-available") == 5.0
        assert value(one, events, slo="azure-chat-available") is None


def test_slices_stand_at_0_before_the_first_is_over_and_leave_with_their_method() -> None:
    """An SLO that counts events again has no slices any more; one that never counted any has none."""
    plan = a_plan(a_target("openai"), a_target("azure"))
    metrics = planned(dataclasses.replace(plan, sliced=(AVAILABLE,)))
    slices, azure = "slo_slices_total", dataclasses.replace(AVAILABLE, target="azure")
    for result in conventions.SLICE_RESULTS:
        assert value(metrics, slices, slo=AVAILABLE.id, result=result, **MEASURED) == 0.0
    for slo, result in ((AVAILABLE, "bad"), (AVAILABLE, "unknown"), (AVAILABLE, "bad"), (azure, "good")):
        metrics.sliced(slo, result)
    twin = Metrics("0.1.0")
    twin.restore(metrics.snapshot())
    for one in (metrics, twin):
        assert [value(one, slices, result=result) for result in conventions.SLICE_RESULTS] == [0.0, 2.0, 1.0]
        one.plan(plan)
        assert value(one, "sli_events_total", slo=AVAILABLE.id, result="good") == 0.0
        assert "slices" not in page(one)


def test_services_show_their_slo_and_how_many_members_are_well() -> None:
    """A service has no counters of its own; one that the plan no longer names vanishes."""
    plan = a_plan()
    metrics = planned(dataclasses.replace(plan, services=(NANO,)))
    metrics.show((a_status(slo=NANO),))
    metrics.services({"nano": (2, 3), "gone": (1, 1)})
    assert value(metrics, "slo_error_budget_remaining_ratio", slo="nano-service") == -0.25
    assert value(metrics, "sli_events_total", slo="nano-service") is None
    assert value(metrics, "service_healthy_members", service="nano") == 2.0
    assert value(metrics, "service_healthy_members_required", service="nano") == 3.0
    assert value(metrics, "service_healthy_members", service="gone") is None
    metrics.plan(dataclasses.replace(plan, config_hash="another"))
    assert value(metrics, "service_healthy_members", service="nano") is None


def test_what_our_own_fault_spoilt_is_counted_by_its_reason() -> None:
    """Our own delay, and our own way out; a key that is refused is neither, and a cloud's failure is none."""
    metrics = planned()
    for outcome, fault in (
        (Outcome.OK, Fault.NONE),
        (Outcome.AGENT_FAULT, Fault.NONE),
        (Outcome.CONNECT_REFUSED, Fault.OURS),
        (Outcome.CONNECT_REFUSED, Fault.OURS),
        (Outcome.CONNECT_REFUSED, Fault.UNDETERMINED),
        (Outcome.CONFIG, Fault.OURS),
    ):
        metrics.settle(judged(a_result(outcome=outcome), fault=fault))
    spoilt = {
        reason: value(metrics, "agent_results_spoilt_total", reason=reason) for reason in ("delay", "egress")
    }
    assert spoilt == {"delay": 1.0, "egress": 2.0}


def test_a_target_shows_whether_it_is_probed_for_long_enough_to_page() -> None:
    """One that the plan does not name shows nothing, and one that it names no longer vanishes."""
    plan = a_plan()
    metrics = planned(dataclasses.replace(plan, targets=(*plan.targets, a_target("azure"))))
    metrics.warm({"openai": True, "azure": False, "gone": True})
    shown = {name: value(metrics, "target_warm", target=name) for name in ("openai", "azure", "gone")}
    assert shown == {"openai": 1.0, "azure": 0.0, "gone": None}
    metrics.plan(plan)
    assert value(metrics, "target_warm", target="azure") is None


def test_a_snapshot_restores_everything_with_exemplars() -> None:
    metrics = full_page()
    twin = Metrics("0.1.0")
    twin.restore(metrics.snapshot())
    assert page(twin, OPENMETRICS) == page(metrics, OPENMETRICS)


def test_a_snapshot_of_another_version_is_refused_with_the_reason_and_changes_nothing() -> None:
    metrics = planned()
    before = metrics.snapshot()
    other = json.dumps(json.loads(before) | {"version": 99}).encode()
    with pytest.raises(SnapshotError, match="version 99"):
        metrics.restore(other)
    assert metrics.snapshot() == before


@pytest.mark.parametrize("broken", [b"", b"{", b"[]", b"{}", b'{"version":1}', b"\xff\xfe"])
def test_a_broken_snapshot_is_refused_with_a_sentence(broken: bytes) -> None:
    with pytest.raises(SnapshotError, match="afresh"):
        Metrics("0.1.0").restore(broken)


_OUTCOMES = st.sampled_from(list(Outcome))
_SECONDS = st.none() | st.floats(0.0, 100.0)
_RESULTS = st.builds(
    a_result,
    target=st.sampled_from(["openai", "azure", "gone"]),
    outcome=_OUTCOMES,
    attempt=st.sampled_from([0, 0, 0, 1, -1]),
    ttft_s=_SECONDS,
    total_s=_SECONDS,
    cost_usd=_SECONDS,
    quality_reasons=st.sampled_from([(), (), ("loop_lag",)]),
)
_STEPS = st.one_of(
    st.tuples(st.just("take"), _RESULTS),
    st.tuples(
        st.just("settle"),
        st.builds(
            judged,
            _RESULTS,
            fault=st.sampled_from(list(Fault)),
            confirmed=st.booleans(),
            classes=st.dictionaries(
                st.sampled_from(["available", "quick"]), st.sampled_from(list(EventClass))
            ),
        ),
    ),
    st.tuples(
        st.just("plan"),
        st.sampled_from(
            [a_plan(a_target(), a_target("azure")), a_plan(), a_plan(thresholds={"ttft": (2.5,)})]
        ),
    ),
    st.tuples(
        st.just("beat"),
        st.builds(
            a_report,
            boot=st.sampled_from("ab"),
            dropped=st.dictionaries(st.sampled_from("xy"), st.integers(0, 9)),
            calibration=st.sampled_from([{}, {"no": {"p50": 1e-5, "p99": 2e-5}}]),
        ),
    ),
    st.tuples(st.just("skipped"), st.sampled_from(["late", "overlap"])),
    st.tuples(st.just("show"), st.tuples(st.builds(a_status, coverage=_SECONDS))),
)


def fold(metrics: Metrics, steps: Steps) -> Metrics:
    for method, argument in steps:
        getattr(metrics, method)(argument)
    return metrics


@settings(max_examples=60, deadline=None)
@given(st.lists(_STEPS, max_size=12), st.integers(0, 12))
def test_a_fold_goes_on_from_a_snapshot_as_if_it_had_never_stopped(steps: Steps, at: int) -> None:
    start = [("plan", a_plan(a_target(), a_target("azure")))]
    whole = fold(Metrics("0.1.0"), start + steps)
    resumed = Metrics("0.1.0")
    resumed.restore(fold(Metrics("0.1.0"), start + steps[:at]).snapshot())
    fold(resumed, steps[at:])
    assert resumed.snapshot() == whole.snapshot()
    assert page(resumed, OPENMETRICS) == page(whole, OPENMETRICS)


def test_rendering_while_another_thread_folds_shows_a_whole_page() -> None:
    metrics = planned()
    seen = random.Random(7)
    done = threading.Event()

    def folding() -> None:
        while not done.is_set():
            metrics.settle(judged(a_result(ttft_s=seen.random())))
            time.sleep(0)

    thread = threading.Thread(target=folding)
    thread.start()
    try:
        for _ in range(20):
            shown = {
                (sample.name, sample.labels.get("le") or sample.labels.get("outcome")): sample.value
                for family in parse_text(page(metrics))
                for sample in family.samples
            }
            counted = shown["nephoscope_probe_ttft_seconds_count", None]
            assert counted == shown["nephoscope_probe_ttft_seconds_bucket", "+Inf"]
            assert counted == shown["nephoscope_probe_results_total", "ok"]
    finally:
        done.set()
        thread.join()


def test_a_plan_survives_the_snapshot_word_for_word() -> None:
    plan = a_plan(a_target(labels={"env": "prod"}), thresholds={"ttft": (2.0, 1.5)})
    metrics = planned(plan)
    twin = Metrics("0.1.0")
    twin.restore(metrics.snapshot())
    assert twin._plan is not None
    assert dataclasses.asdict(twin._plan) == dataclasses.asdict(plan)
