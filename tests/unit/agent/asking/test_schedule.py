from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from agent.asking.schedule import REACH, SlotTrigger, instant, jobs, nanoseconds, plan_record
from support.asking import a_config, a_job, a_target
from support.configuration import loaded

NOW_NS = 1_800_000_000_000_000_000


@given(st.sampled_from([1.0, 7.5, 30.0, 60.0]), st.integers(0, 3600), st.integers(0, 3600))
def test_the_trigger_walks_the_grid_without_gaps_or_repeats(every_s: float, back_s: int, on_s: int) -> None:
    job = a_job(every_s=every_s)
    trigger = SlotTrigger(job)
    now = instant(NOW_NS + on_s * 10**9)
    at = trigger.get_next_fire_time(instant(NOW_NS - back_s * 10**6), now)
    following = trigger.get_next_fire_time(at, now)
    assert nanoseconds(following) - nanoseconds(at) == job.every_ns
    assert (nanoseconds(at) - job.phase_ns) % job.every_ns == 0


def test_a_trigger_that_never_fired_begins_now() -> None:
    job = a_job()
    at = SlotTrigger(job).get_next_fire_time(None, instant(NOW_NS))
    assert 0 <= nanoseconds(at) - NOW_NS < job.every_ns


def test_no_more_than_a_thousand_missed_slots_are_walked() -> None:
    job = a_job()
    assert job.next_slot(0, NOW_NS) >= NOW_NS - REACH * job.every_ns


def test_an_instant_is_exact_to_the_millisecond_far_from_the_epoch() -> None:
    assert instant(NOW_NS + 123_000_000) == datetime(2027, 1, 15, 8, 0, 0, 123_000, UTC)


def test_runs_may_overlap_as_far_as_the_timeout_reaches_and_no_further_than_ten() -> None:
    assert a_job(every_s=30.0, timeout_s=30.0).overlap == 2
    assert a_job(every_s=10.0, timeout_s=25.0).overlap == 4
    assert a_job(every_s=1.0, timeout_s=60.0).overlap == 10


def test_the_plan_names_every_job_and_how_long_results_may_take() -> None:
    config = a_config([a_target("a"), a_target("b")])
    plan = plan_record(config, NOW_NS, "start")
    assert [(entry.target, entry.probe, entry.every_ns) for entry in plan.entries] == [
        ("a", "chat", 30 * 10**9),
        ("b", "chat", 30 * 10**9),
    ]
    assert [entry.phase_ns for entry in plan.entries] == [job.phase_ns for job in jobs(config)]
    assert plan.grace_ns == (30 + 8 + 15) * 10**9


def test_one_probe_may_ask_each_target_at_an_interval_of_its_own() -> None:
    """Each pair is one job, and the plan says which slots of it are due."""
    config = loaded("""
models: {nano: {class: fast}, large: {class: slow}}
targets: [{name: "own-{model}", for: {model: [nano, large]}, provider: vllm, endpoint: "http://localhost"}]
probes: [{name: chat, every: 30s, override: [{when: {class: slow}, every: 60s, timeout: 90s}]}]
""").config
    assert [(job.id, job.every_ns) for job in jobs(config)] == [
        ("own-nano\0chat", 30_000_000_000),
        ("own-large\0chat", 60_000_000_000),
    ]
    plan = plan_record(config, NOW_NS, "start")
    assert {(entry.target, entry.every_ns) for entry in plan.entries} == {
        ("own-nano", 30_000_000_000),
        ("own-large", 60_000_000_000),
    }
    assert plan.grace_ns == (90 + 8 + 15) * 10**9
