"""What every probe promises: one result for one question, never an exception for an endpoint's failing."""

import asyncio
import uuid
from collections.abc import Callable

import httpx
import pytest

from probes.base import Probe, Slot
from probes.exchange import Exchange
from probes.fake import FakeProbe
from probes.result import MANUAL, Outcome, ProbeResult, SlotKey
from probes.target import Target, Workload
from support.clock import FakeClock
from support.secrets import FakeSecrets
from support.transport import ScriptedTransport

TARGET = Target(
    name="t",
    provider="vllm",
    cloud="self-hosted",
    region="rack-1",
    model="m",
    model_id="m-1",
    endpoint="http://h",
    group="m",
    labels={"env": "prod"},
    simulated=True,
)
WORKLOAD = Workload(name="models", kind="models")


def exchange() -> Probe:
    clock = FakeClock()
    transport = ScriptedTransport(clock, before=httpx.ConnectError("refused"))
    return Exchange(transport, FakeSecrets({}), clock, uuid.uuid4, "fra-1", lambda _start, _end: 0.0)


def fake() -> Probe:
    return FakeProbe(FakeClock(), [Outcome.DISCONNECTED], vantage="fra-1")


@pytest.fixture(params=[exchange, fake])
def result(request: pytest.FixtureRequest) -> ProbeResult:
    build: Callable[[], Probe] = request.param
    return asyncio.run(build().ask(TARGET, WORKLOAD, Slot(scheduled_ns=7, attempt=MANUAL)))


def test_the_result_is_of_the_slot_the_target_and_the_probe(result: ProbeResult) -> None:
    assert result.key == SlotKey("t", "models", "fra-1", 7)
    assert (result.attempt, result.kind, result.provider, result.cloud) == (
        MANUAL,
        "models",
        "vllm",
        "self-hosted",
    )
    assert (result.region, result.model, result.labels, result.simulated) == (
        "rack-1",
        "m",
        {"env": "prod"},
        True,
    )


def test_a_failing_is_a_result_with_a_sentence(result: ProbeResult) -> None:
    assert result.outcome is Outcome.DISCONNECTED
    assert result.error
    assert (result.ttft_s, result.total_s) == (None, None)


def test_the_result_survives_the_journal(result: ProbeResult) -> None:
    assert ProbeResult.decode(result.encode()) == result
