"""What a plan comes to, number by number."""

import dataclasses

import pytest

from agent.asking.confirm import PAUSES_S
from agent.figures import Worst, figures
from agent.slo import paging
from support.configuration import LOCAL, loaded


def asked(
    probe: str, objective: str = "{name: o, sli: availability, percent: 99.9, probes: p}"
) -> tuple[Worst, Worst]:
    config = loaded(f"targets: [{LOCAL}]\nprobes: [{{name: p, {probe}}}]\nobjectives: [{objective}]").config
    (one,) = figures(config).asked
    return one.refusal, one.hang


def test_the_last_confirmation_starts_when_the_asker_says() -> None:
    assert max(PAUSES_S) == paging.LAST_CONFIRMATION_S


def test_the_reference_numbers_of_a_hang() -> None:
    """Every 30 s: 100 s with the whole timeout as deadline, 56 s with a first token expected in 8 s."""
    assert asked("every: 30s, first_token: 30s, timeout: 30s")[1].confirmed_s == 100.0
    assert asked("every: 30s, first_token: 8s, timeout: 30s")[1].confirmed_s == 56.0


def test_only_a_chat_that_streams_has_a_first_token_to_wait_for() -> None:
    assert asked("kind: chat-sync, first_token: 8s, timeout: 20s")[1].confirmed_s == 30 + 20 + 10 + 20


def test_a_refusal_pages_by_availability_alone_and_a_hang_by_latency_too() -> None:
    """A passed deadline is a bad event for `ttft`, a refusal is none."""
    refusal, hang = asked("every: 30s", "{name: o, sli: ttft, percent: 99, under: 2s}")
    assert refusal.paged_s is None
    failures = paging.failures_to_page([(0.99, 28 * 86400)], 30)
    assert hang.confirmed_s is not None
    assert failures is not None
    assert hang.paged_s == hang.confirmed_s + 30 * (failures - 1)


def test_the_strictest_objective_pages_first() -> None:
    loose = asked("every: 30s", "{name: o, sli: availability, percent: 99}")[0]
    both = asked(
        "every: 30s",
        "{name: o, sli: availability, percent: 99}, {name: s, sli: availability, percent: 99.9}",
    )[0]
    assert both.paged_s == 40 + 3 * 30
    assert loose.paged_s is not None
    assert loose.paged_s > both.paged_s


def test_what_is_not_known_is_named_and_not_added_up_as_nothing() -> None:
    found = figures(loaded(f"targets: [{LOCAL}]").config)
    assert (found.day.priced, found.day.usd, found.day.unpriced) == (False, 0, ("local",))
    models = figures(
        loaded(f"targets: [{LOCAL}]\nprobes: [{{name: m, kind: models}}]\nobjectives: []").config
    )
    assert (models.day.priced, models.day.unpriced) == (True, ())


def test_rows_are_the_scheduled_attempts() -> None:
    day = figures(loaded(f"targets: [{LOCAL}]\nprobes: [{{name: p, every: 7s}}]").config).day
    assert day.rows == 12343
    assert day.row_bytes == 12343 * 245


@pytest.mark.parametrize("deadline_s", [0.0, 8.0, 30.0])
def test_the_parts_of_a_worst_case_add_up(deadline_s: float) -> None:
    case = paging.hang(every_s=30, deadline_s=deadline_s)
    assert sum(dataclasses.astuple(case)) == case.confirmed_s == 40 + 2 * deadline_s
