"""What may be asked, given what was spent: by priority, within every cap, and availability whatever happens."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.asking.budget import DAY_NS, Budgeting, Held
from agent.asking.schedule import Job, jobs
from agent.config.model import Allowance, Budget, Config, ProbePlan
from agent.slo.objective import Objective
from probes.result import MANUAL, Outcome, ProbeResult
from probes.target import Price, Workload
from support.asking import a_target
from support.results import a_result

MIDNIGHT_NS = 20_000 * DAY_NS
HOUR_NS = 3600 * 10**9
PRICE = Price(input=0.0, output=1e6, source="configured")
"""A dollar for each token of output, so that prices are counted on fingers."""


def a_plan(*targets: str, budget: Budget | None, **every_s: float) -> Config:
    """Return a plan with one probe of each kind that is named, every so many seconds, one token an answer."""
    names = targets or ("a",)
    return Config(
        vantage="here",
        state_dir="unused",
        targets=tuple(dataclasses.replace(a_target(name), price=PRICE) for name in names),
        probes=tuple(
            ProbePlan(
                workload=Workload(name=kind, kind=kind.replace("_", "-"), every_s=every, max_tokens=1),  # type: ignore[arg-type] # kinds of later versions too
                targets=names,
            )
            for kind, every in every_s.items()
        ),
        objectives=(),
        budget=budget,
    )


def job_of(config: Config, probe: str, target: str = "a") -> Job:
    return next(job for job in jobs(config) if (job.target.name, job.workload.name) == (target, probe))


def spent(job: Job, usd: float, at_ns: int, **fields: Any) -> ProbeResult:
    given: dict[str, Any] = {"input_tokens": 0, "output_tokens": round(usd), "cost_usd": usd}
    return dataclasses.replace(
        a_result(),
        target=job.target.name,
        probe=job.workload.name,
        started_ns=at_ns,
        **(given | fields),
    )


def usd(amount: float, **more: Any) -> Budget:
    return Budget(day=Allowance(usd=amount), **more)


def asked(budgeting: Budgeting, job: Job, at_ns: int) -> bool:
    """Return whether a probe may be asked, without holding anything for it."""
    held = budgeting.ask(job, at_ns)
    if held is not None:
        budgeting.release(held)
    return held is not None


def test_the_rest_of_the_day_is_kept_for_availability_probes() -> None:
    """24 USD a day for chat at 1 an hour: of 30, six are left for others, and more once chat turns out cheaper."""
    config = a_plan(budget=usd(30.0), chat=3600.0, chat_sync=60.0)
    chat, sync = job_of(config, "chat"), job_of(config, "chat_sync")
    budgeting = Budgeting(config)
    for n in range(6):
        assert asked(budgeting, sync, MIDNIGHT_NS), n
        budgeting.spend(sync, spent(sync, 1.0, MIDNIGHT_NS))
    assert not asked(budgeting, sync, MIDNIGHT_NS)
    assert asked(budgeting, chat, MIDNIGHT_NS)
    for hour in range(12):
        budgeting.spend(chat, spent(chat, 0.5, MIDNIGHT_NS + hour * HOUR_NS))
    noon_ns = MIDNIGHT_NS + 12 * HOUR_NS
    assert asked(budgeting, sync, noon_ns), "availability took half of what was kept for it"
    gone = dataclasses.replace(chat, target=a_target("gone"))
    budgeting.spend(gone, spent(gone, 13.0, noon_ns))
    assert not asked(budgeting, sync, noon_ns)
    assert asked(budgeting, sync, MIDNIGHT_NS + 24 * HOUR_NS), "a new day"


def test_kinds_are_shed_in_their_order_and_what_is_not_named_goes_last() -> None:
    """Each kind stops where the ones after it still have enough."""
    budget = usd(48.0, shed=("throughput", "tools"))
    config = a_plan(budget=budget, chat=7200.0, chat_sync=7200.0, tools=7200.0, throughput=7200.0)
    assert config.budget is not None
    order = [job_of(config, name) for name in ("chat", "chat_sync", "tools", "throughput")]
    budgeting, alive = Budgeting(config), []
    for _ in range(50):
        alive.append([job.workload.name for job in order if asked(budgeting, job, MIDNIGHT_NS)])
        budgeting.spend(order[0], spent(order[0], 1.0, MIDNIGHT_NS))
    stopped = {job.workload.name: sum(job.workload.name in each for each in alive) for job in order}
    assert stopped["throughput"] < stopped["tools"] < stopped["chat_sync"] < stopped["chat"] == 50


def test_a_hundred_probes_of_one_instant_do_not_pass_the_cap_together() -> None:
    """What is under way counts before its answer is there."""
    config = a_plan(*(f"t{n}" for n in range(100)), budget=usd(30.0), chat_sync=86400.0)
    budgeting = Budgeting(config)
    held = [budgeting.ask(job, MIDNIGHT_NS) for job in jobs(config)]
    assert sum(each is not None for each in held) == 30
    for each in held:
        if each is not None:
            budgeting.release(each)
    assert asked(budgeting, jobs(config)[0], MIDNIGHT_NS)


def test_a_target_that_spent_its_own_budget_leaves_the_others_alone() -> None:
    budget = Budget(target=Allowance(usd=2.0), probe=Allowance(tokens=1000.0))
    config = a_plan("a", "b", budget=budget, chat_sync=3600.0)
    budgeting = Budgeting(config)
    of_a, of_b = job_of(config, "chat_sync", "a"), job_of(config, "chat_sync", "b")
    budgeting.spend(of_a, spent(of_a, 2.0, MIDNIGHT_NS))
    assert not asked(budgeting, of_a, MIDNIGHT_NS)
    assert asked(budgeting, of_b, MIDNIGHT_NS)
    budgeting.spend(of_b, spent(of_b, 0.0, MIDNIGHT_NS, output_tokens=998))
    assert not asked(budgeting, of_b, MIDNIGHT_NS), "the probe's tokens are spent, whichever target took them"


def test_a_probe_that_an_availability_objective_watches_is_never_slowed_whatever_its_kind() -> None:
    config = a_plan("a", "b", budget=usd(1.0, shed=("chat-sync",)), chat_sync=60.0)
    objective = Objective(
        name="available", sli="availability", ratio=0.999, window_s=86400.0, pairs=(("a", "chat_sync"),)
    )
    budgeting = Budgeting(dataclasses.replace(config, objectives=(objective,)))
    watched, other = job_of(config, "chat_sync", "a"), job_of(config, "chat_sync", "b")
    budgeting.spend(watched, spent(watched, 100.0, MIDNIGHT_NS))
    assert asked(budgeting, watched, MIDNIGHT_NS)
    assert not asked(budgeting, other, MIDNIGHT_NS)


def test_what_attempts_took_is_learned_so_that_short_answers_leave_room() -> None:
    """256 tokens may come, two do: after the first answer others have the room that was kept."""
    config = a_plan(budget=Budget(day=Allowance(tokens=100_000.0)), chat=60.0, chat_sync=60.0)
    probes = tuple(
        dataclasses.replace(each, workload=dataclasses.replace(each.workload, max_tokens=256))
        for each in config.probes
    )
    config = dataclasses.replace(config, probes=probes)
    chat, sync = job_of(config, "chat"), job_of(config, "chat_sync")
    budgeting = Budgeting(config)
    assert not asked(budgeting, sync, MIDNIGHT_NS)
    budgeting.spend(chat, spent(chat, 0.0, MIDNIGHT_NS, input_tokens=9, output_tokens=2))
    assert asked(budgeting, sync, MIDNIGHT_NS)


def test_what_was_generated_and_not_counted_by_the_endpoint_is_taken_as_expected() -> None:
    """A stream that broke off is paid for as well; an answer that never came is not."""
    config = a_plan(budget=usd(10.0), chat=3600.0)
    chat = job_of(config, "chat")
    budgeting = Budgeting(config)
    unsaid = {"input_tokens": None, "output_tokens": None, "cost_usd": None}
    refused = spent(chat, 0.0, MIDNIGHT_NS, outcome=Outcome.CONNECT_REFUSED, ttft_s=None, **unsaid)
    budgeting.spend(chat, refused)
    assert budgeting.remaining(MIDNIGHT_NS) == {"usd": 10.0}
    broken = spent(chat, 0.0, MIDNIGHT_NS, outcome=Outcome.TRUNCATED, ttft_s=0.3, **unsaid)
    budgeting.spend(chat, broken)
    assert budgeting.remaining(MIDNIGHT_NS) == {"usd": 9.0}


def test_confirmations_and_manual_attempts_are_paid_too() -> None:
    config = a_plan(budget=usd(10.0), chat=3600.0)
    chat = job_of(config, "chat")
    budgeting = Budgeting(config)
    for attempt in (0, 1, MANUAL):
        budgeting.spend(chat, spent(chat, 1.0, MIDNIGHT_NS, attempt=attempt))
    assert budgeting.remaining(MIDNIGHT_NS) == {"usd": 7.0}


def test_people_are_told_once_at_80_percent_and_once_when_a_cap_is_passed() -> None:
    config = a_plan(budget=Budget(day=Allowance(usd=10.0), target=Allowance(usd=5.0)), chat=3600.0)
    chat = job_of(config, "chat")
    budgeting = Budgeting(config)
    told = [
        [(notice.scope[0], notice.share) for notice in budgeting.spend(chat, spent(chat, 1.0, MIDNIGHT_NS))]
        for _ in range(12)
    ]
    said = {n + 1: notices for n, notices in enumerate(told) if notices}
    assert said == {
        4: [("target", 0.8)],
        5: [("target", 1.0)],
        8: [("day", 0.8)],
        10: [("day", 1.0)],
    }
    assert budgeting.remaining(MIDNIGHT_NS) == {"usd": -2.0}
    assert budgeting.used(MIDNIGHT_NS) == {"day": {"usd": 1.2}, "target": {"usd": 2.4}}


def test_a_lower_cap_by_a_reload_holds_at_once_for_what_was_spent_before() -> None:
    config = a_plan(budget=None, chat=3600.0, chat_sync=3600.0)
    chat, sync = job_of(config, "chat"), job_of(config, "chat_sync")
    budgeting = Budgeting(config)
    budgeting.spend(chat, spent(chat, 30.0, MIDNIGHT_NS))
    assert asked(budgeting, sync, MIDNIGHT_NS)
    assert (budgeting.remaining(MIDNIGHT_NS), budgeting.used(MIDNIGHT_NS)) == ({}, {})
    budgeting.switch(dataclasses.replace(config, budget=usd(31.0)))
    assert not asked(budgeting, sync, MIDNIGHT_NS)
    assert budgeting.remaining(MIDNIGHT_NS) == {"usd": 1.0}
    assert [notice.share for notice in budgeting.spend(chat, spent(chat, 0.0, MIDNIGHT_NS))] == [0.8]


def test_a_day_begins_at_midnight_utc_and_a_clock_that_is_set_back_finds_the_day_before() -> None:
    config = a_plan(budget=usd(10.0), chat=3600.0)
    chat = job_of(config, "chat")
    budgeting = Budgeting(config)
    late_ns, early_ns, far_ns = MIDNIGHT_NS - 1, MIDNIGHT_NS, MIDNIGHT_NS + 365 * DAY_NS
    budgeting.spend(chat, spent(chat, 4.0, late_ns))
    budgeting.spend(chat, spent(chat, 1.0, early_ns))
    assert [budgeting.remaining(at)["usd"] for at in (late_ns, early_ns)] == [6.0, 9.0]
    budgeting.spend(chat, spent(chat, 2.0, far_ns))
    budgeting.spend(chat, spent(chat, 1.0, early_ns))
    assert budgeting.remaining(early_ns)["usd"] == 8.0, "a year too far and back forgets nothing of today"


def test_what_was_spent_and_learned_outlasts_a_restart() -> None:
    config = a_plan("a", "b", budget=usd(100.0, target=Allowance(usd=9.0)), chat=3600.0, chat_sync=600.0)
    before = Budgeting(config)
    for n, job in enumerate(jobs(config)):
        before.spend(job, spent(job, n + 0.25, MIDNIGHT_NS))
    after = Budgeting(config)
    after.restore(before.snapshot())
    assert after.snapshot() == before.snapshot()
    for hour in range(24):
        at_ns = MIDNIGHT_NS + hour * HOUR_NS
        assert after.remaining(at_ns) == before.remaining(at_ns)
        assert [asked(after, job, at_ns) for job in jobs(config)] == [
            asked(before, job, at_ns) for job in jobs(config)
        ]


def test_a_changed_workload_is_estimated_anew() -> None:
    """What answers of one token took says nothing of those of a thousand."""
    config = a_plan(budget=Budget(day=Allowance(tokens=5000.0)), chat_sync=86400.0)
    sync = job_of(config, "chat_sync")
    budgeting = Budgeting(config)
    budgeting.spend(sync, spent(sync, 1.0, MIDNIGHT_NS))
    probe = config.probes[0]
    longer = dataclasses.replace(probe, workload=dataclasses.replace(probe.workload, max_tokens=10_000))
    budgeting.switch(dataclasses.replace(config, probes=(longer,)))
    assert not asked(budgeting, sync, MIDNIGHT_NS)


SPENDING = st.lists(
    st.tuples(
        st.sampled_from(["chat", "models", "chat_sync", "tools"]),
        st.floats(0, 50),
        st.integers(0, 3 * DAY_NS),
    ),
    max_size=30,
)


def played(spending: list[tuple[str, float, int]], cap: float) -> tuple[Config, Budgeting]:
    config = a_plan(budget=usd(cap), chat=3600.0, models=600.0, chat_sync=900.0, tools=900.0)
    budgeting = Budgeting(config)
    for probe, amount, after_ns in spending:
        job = job_of(config, probe)
        budgeting.spend(job, spent(job, amount, MIDNIGHT_NS + after_ns))
    return config, budgeting


@given(SPENDING, st.floats(0.01, 200), st.integers(0, 3 * DAY_NS))
def test_availability_probes_are_asked_whatever_was_spent(
    spending: list[tuple[str, float, int]], cap: float, after_ns: int
) -> None:
    config, budgeting = played(spending, cap)
    for probe in ("chat", "models"):
        assert budgeting.ask(job_of(config, probe), MIDNIGHT_NS + after_ns) is not None


@given(SPENDING, st.floats(0.01, 200), st.integers(0, 3 * DAY_NS), st.floats(0, 100))
def test_spending_more_never_lets_a_probe_through_that_was_stopped(
    spending: list[tuple[str, float, int]], cap: float, after_ns: int, more: float
) -> None:
    """Of a target that is gone, so that nothing is learned; neither does a lower cap."""
    config, budgeting = played(spending, cap)
    at_ns = MIDNIGHT_NS + after_ns
    before = [asked(budgeting, job, at_ns) for job in jobs(config)]
    gone = dataclasses.replace(jobs(config)[0], target=a_target("gone"))
    budgeting.spend(gone, spent(gone, more, at_ns))
    after = [asked(budgeting, job, at_ns) for job in jobs(config)]
    assert all(now <= then for now, then in zip(after, before, strict=True))
    _, stingier = played(spending, cap / 2)
    assert all(
        less <= now
        for less, now in zip([asked(stingier, job, at_ns) for job in jobs(config)], before, strict=True)
    )


@given(SPENDING, st.floats(0.01, 200), st.integers(0, 3 * DAY_NS))
def test_a_stopped_kind_never_goes_before_one_that_is_shed_earlier(
    spending: list[tuple[str, float, int]], cap: float, after_ns: int
) -> None:
    """Probes that take the same: where the last to go is stopped, the first to go is too."""
    config, budgeting = played([each for each in spending if each[0] in {"chat", "models"}], cap)
    at_ns = MIDNIGHT_NS + after_ns
    if not asked(budgeting, job_of(config, "chat_sync"), at_ns):
        assert not asked(budgeting, job_of(config, "tools"), at_ns)


@given(SPENDING, st.floats(0.01, 200))
def test_a_new_day_owes_nothing_to_the_days_before(
    spending: list[tuple[str, float, int]], cap: float
) -> None:
    _, budgeting = played(spending, cap)
    assert budgeting.remaining(MIDNIGHT_NS + 5 * DAY_NS) == {"usd": cap}


@given(SPENDING, st.floats(0.01, 200), st.integers(0, 3 * DAY_NS))
def test_what_is_asked_within_the_plan_keeps_the_promise_of_the_cap(
    spending: list[tuple[str, float, int]], cap: float, after_ns: int
) -> None:
    """A probe that may be slowed is asked only where spending, it and the availability of the day's rest fit."""
    config, budgeting = played(spending, cap)
    at_ns = MIDNIGHT_NS + after_ns
    for job in jobs(config):
        if job.workload.name in {"chat", "models"}:
            continue
        held = budgeting.ask(job, at_ns)
        if isinstance(held, Held):
            assert budgeting.remaining(at_ns)["usd"] >= held.amount.usd - 1e-6


def test_a_state_that_is_none_is_refused_and_changes_nothing() -> None:
    config = a_plan(budget=usd(10.0), chat=3600.0)
    budgeting = Budgeting(config)
    chat = job_of(config, "chat")
    budgeting.spend(chat, spent(chat, 4.0, MIDNIGHT_NS))
    for broken in ({}, {"days": 3, "means": []}, {"days": [[1, [["day", "", "x", 0]]]], "means": []}):
        with pytest.raises((KeyError, TypeError, ValueError)):
            budgeting.restore(broken)
    assert budgeting.remaining(MIDNIGHT_NS) == {"usd": 6.0}
