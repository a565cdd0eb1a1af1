"""A budget that can be kept is taken; one that cannot is refused with the numbers and the remedy."""

import pytest

from agent.config.model import SHED, Allowance, Budget
from support.configuration import findings, loaded

TARGET = "{name: local, provider: vllm, model: tiny, endpoint: http://127.0.0.1:8000, price: {input: 1, output: 10}}"
UNPRICED = "{name: free, provider: vllm, model: tiny, endpoint: http://127.0.0.1:8000}"
SYNC = "{name: sync, kind: chat-sync, every: 60s}"


def text(
    budget: str, *, targets: str = TARGET, probes: str = "{name: chat, every: 60s}", more: str = ""
) -> str:
    return f"targets: [{targets}]\nprobes: [{probes}]\nbudget: {budget}\n{more}"


def test_a_budget_says_what_may_be_spent_in_all_by_target_and_by_probe() -> None:
    found = loaded(
        text(
            "{usd_per_day: 40, tokens_per_day: 2e7, per: {target: 30, probe: {usd: 35, tokens: 1e6}}, shed: [tools]}"
        )
    ).config.budget
    assert found == Budget(
        day=Allowance(usd=40.0, tokens=2e7),
        target=Allowance(usd=30.0),
        probe=Allowance(usd=35.0, tokens=1e6),
        shed=("tools",),
    )


def test_the_dearest_kinds_are_shed_first_unless_the_file_says_otherwise() -> None:
    found = loaded(text("{usd_per_day: 40}")).config.budget
    assert found is not None
    assert found.shed == SHED == ("throughput", "long-context", "tools", "json")


def test_without_the_section_nothing_is_limited() -> None:
    assert loaded("targets: [" + TARGET + "]").config.budget is None


def test_the_plans_hash_does_not_depend_on_the_budget() -> None:
    """Rules made elsewhere fit all the same."""
    assert loaded(text("{usd_per_day: 40}")).config.hash == loaded(text("{usd_per_day: 50}")).config.hash


@pytest.mark.parametrize(
    ("budget", "key", "sentence"),
    [
        (
            "{usd_per_day: 0}",
            "budget.usd_per_day",
            "`0` is no amount to spend; write US dollars a day, such as 40",
        ),
        ("{usd_per_day: forty}", "budget.usd_per_day", "`forty` is no amount"),
        ("{tokens_per_day: 0.5}", "budget.tokens_per_day", "is no number of tokens"),
        (
            "{usd_per_day: 40, per: {target: many}}",
            "budget.per.target",
            "`many` is no amount; write US dollars a day",
        ),
        ("{usd_per_day: 40, per: {target: {eur: 3}}}", "budget.per.target.eur", "unknown key `eur`"),
        ("{usd_per_day: 40, per: {team: 3}}", "budget.per.team", "unknown key `team`"),
        ("{usd_per_day: 40, shed: tools}", "budget.shed", "a list of kinds belongs here"),
        ("{usd_per_day: 40, shed: [chat]}", "budget.shed", "`chat` probes tell whether an endpoint answers"),
        ("{usd_per_day: 40, shed: [models]}", "budget.shed", "no budget slows them"),
        (
            "{usd_per_day: 40, shed: [tool]}",
            "budget.shed",
            "`tool` is no kind that can be shed; there are throughput,",
        ),
        ("{usd_per_day: 40, shed: [tools, tools]}", "budget.shed", "names a kind twice"),
        ("{shed: [tools]}", "budget", "limits nothing; write usd_per_day or tokens_per_day"),
    ],
)
def test_a_mistake_is_told_with_its_key_and_what_to_write(budget: str, key: str, sentence: str) -> None:
    (finding,) = findings(text(budget))
    assert finding.startswith(f"nephoscope.yaml:3: {key}: ")
    assert sentence in finding


def test_a_plan_whose_availability_probes_pass_the_cap_is_refused_with_the_numbers_and_the_remedy() -> None:
    """1440 answers of 256 tokens at 10 USD a million are 3.69 USD, and the prompts 0.05."""
    (finding,) = findings(text("{usd_per_day: 3}"))
    assert finding == (
        "nephoscope.yaml:3: budget.usd_per_day: availability probes are never slowed, and those of the plan are "
        "expected to take 3.74 USD a day, over the cap of 3.00 USD; take fewer targets, a longer interval, a smaller "
        "max_tokens (answers are counted up to it) or a higher cap"
    )


@pytest.mark.parametrize(
    ("budget", "key", "part"),
    [
        (
            "{tokens_per_day: 1000}",
            "budget.tokens_per_day",
            "of the plan are expected to take 419040 tokens a day",
        ),
        (
            "{usd_per_day: 40, per: {target: 3}}",
            "budget.per.target",
            "those of target local are expected to take",
        ),
        (
            "{usd_per_day: 40, per: {probe: {tokens: 9}}}",
            "budget.per.probe",
            "those of probe chat are expected to take",
        ),
    ],
)
def test_each_cap_is_held_against_what_it_is_for(budget: str, key: str, part: str) -> None:
    (finding,) = findings(text(budget))
    assert f"{key}: " in finding
    assert part in finding


def test_of_many_targets_over_their_cap_the_dearest_is_named() -> None:
    two = f"{TARGET}, {TARGET.replace('local', 'dear').replace('output: 10', 'output: 20')}"
    (finding,) = findings(text("{per: {target: 1}}", targets=two))
    assert "those of target dear are expected" in finding
    assert "and 1 more likewise" in finding


def test_probes_that_may_be_slowed_do_not_refuse_a_plan_and_are_foretold_to_stop() -> None:
    found = loaded(text("{usd_per_day: 5}", probes="{name: chat, every: 60s}, " + SYNC))
    (warning,) = found.warnings
    assert "the whole plan is expected to take 7.47 USD a day, over the cap of 5.00 USD" in warning


def test_a_probe_that_an_availability_objective_watches_counts_among_those_that_are_never_slowed() -> None:
    objectives = "objectives: [{name: up, sli: availability, percent: 99, probes: [sync]}]"
    probes = "{name: chat, every: 60s}, " + SYNC
    (finding,) = findings(text("{usd_per_day: 5}", probes=probes, more=objectives))
    assert "availability probes are never slowed" in finding
    found = loaded(text("{usd_per_day: 9, shed: [chat-sync]}", probes=probes, more=objectives))
    assert any("probe sync is of kind chat-sync and feeds an availability" in each for each in found.warnings)


def test_a_cap_in_money_over_targets_of_unknown_price_is_a_warning_and_one_in_tokens_is_not() -> None:
    both = f"{TARGET}, {UNPRICED}"
    (warning,) = loaded(text("{usd_per_day: 40}", targets=both)).warnings
    assert "price unknown for free, so no cap in USD holds there" in warning
    assert loaded(text("{tokens_per_day: 1e9}", targets=both)).warnings == ()
