"""What a plan costs in a day, told before anything was asked."""

import dataclasses

import pytest

from agent.config.model import ProbePlan
from agent.costs import FRAME_TOKENS, per_day
from probes.target import Price, Workload
from support.asking import a_config, a_target

PRICE = Price(input=2.0, output=8.0, source="configured")


def test_a_day_of_a_probe_is_its_slots_times_the_prompt_and_the_cap() -> None:
    """Every 30 s are 2880 probes; 32 letters of prompt are eleven tokens beside the frame."""
    target = dataclasses.replace(a_target(), price=PRICE)
    (day,) = per_day(a_config([target], Workload(name="chat", every_s=30.0, max_tokens=256)))
    prompt = FRAME_TOKENS + 11
    assert (day.target, day.probe, day.probes) == ("openai", "chat", 2880.0)
    assert (day.input_tokens, day.output_tokens) == (2880.0 * prompt, 2880.0 * 256)
    assert day.usd == pytest.approx(2880 * (prompt * 2.0 + 256 * 8.0) / 1e6)
    assert day.price_source == "configured"


def test_without_a_price_tokens_are_told_and_money_is_unknown() -> None:
    """Unknown is not free."""
    (day,) = per_day(a_config([a_target()]))
    assert day.output_tokens > 0
    assert (day.usd, day.price_source) == (None, None)


def test_a_list_of_models_costs_nothing_whatever_the_target_charges() -> None:
    target = dataclasses.replace(a_target(), price=PRICE)
    (day,) = per_day(a_config([target], Workload(name="models", kind="models", every_s=60.0)))
    assert (day.probes, day.input_tokens, day.output_tokens, day.usd) == (1440.0, 0.0, 0.0, 0.0)
    assert day.price_source is None


def test_an_embedding_is_paid_by_what_is_read_alone() -> None:
    target = dataclasses.replace(a_target(), price=PRICE)
    (day,) = per_day(
        a_config([target], Workload(name="e", kind="embeddings", every_s=86400.0, prompt="x" * 30))
    )
    assert (day.input_tokens, day.output_tokens) == (FRAME_TOKENS + 10, 0.0)
    assert day.usd == pytest.approx((FRAME_TOKENS + 10) * 2.0 / 1e6)


def test_a_long_text_and_a_schema_are_paid_as_input() -> None:
    """What is sent is counted, not only what the file calls the prompt."""
    (long,) = per_day(
        a_config([a_target()], Workload(name="l", kind="long-context", every_s=86400.0, prompt_tokens=8000))
    )
    assert 8000 < long.input_tokens < 11000
    chat, tools = (
        per_day(a_config([a_target()], Workload(name="w", kind=kind, every_s=86400.0, prompt="x")))[0]
        for kind in ("chat", "tools")
    )
    assert tools.input_tokens > chat.input_tokens + 50


def test_each_probe_of_each_target_has_a_row_in_the_plans_order() -> None:
    config = a_config([a_target("a"), a_target("b")])
    slow = ProbePlan(workload=Workload(name="slow", every_s=86400.0), targets=("b",))
    config = dataclasses.replace(config, probes=(*config.probes, slow))
    assert [(day.target, day.probe) for day in per_day(config)] == [
        ("a", "chat"),
        ("b", "chat"),
        ("b", "slow"),
    ]


def test_letters_that_take_several_bytes_count_for_more_tokens() -> None:
    plain, wide = (
        per_day(a_config(workload=Workload(name="chat", prompt=prompt)))[0].input_tokens
        for prompt in ("say pong", "說說說說說說說說")
    )
    assert wide > plain
