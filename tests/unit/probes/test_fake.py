"""The fake answers from its list."""

import asyncio

from probes.base import Slot
from probes.fake import FakeProbe
from probes.result import Outcome
from probes.target import Target, Workload
from support.clock import FakeClock

TARGET = Target(name="t", provider="vllm", cloud="c", model="m", model_id="m", endpoint="http://h", group="m")


def test_it_answers_in_turn_and_repeats_the_last() -> None:
    async def ask() -> list[Outcome]:
        slots = [Slot(1, attempt) for attempt in range(4)]
        return [(await probe.ask(TARGET, Workload(name="chat"), slot)).outcome for slot in slots]

    probe = FakeProbe(FakeClock(), [Outcome.OK, Outcome.DNS])
    assert asyncio.run(ask()) == [Outcome.OK, Outcome.DNS, Outcome.DNS, Outcome.DNS]
    assert [slot.attempt for _, _, slot in probe.asked] == [0, 1, 2, 3]


def test_only_a_good_answer_was_timed() -> None:
    async def ask() -> list[float | None]:
        slots = [Slot(1, 0), Slot(2, 0)]
        return [(await probe.ask(TARGET, Workload(name="chat"), slot)).ttft_s for slot in slots]

    probe = FakeProbe(FakeClock(), [Outcome.OK, Outcome.SERVER_ERROR], ttft_s=0.5)
    assert asyncio.run(ask()) == [0.5, None]
