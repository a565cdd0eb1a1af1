import asyncio
import logging

import httpx
import pytest
from structlog.testing import capture_logs

from agent.config.model import Heartbeat
from agent.config.secrets import Secrets
from agent.telling.alive import Alive
from agent.telling.heartbeat import Heart, keep_newest, send
from exporters.base import DeliveryError
from support.clock import FakeClock

SECRET = "https://deadman.invalid/ping/5up3r-s3cr3t"


class Receiver:
    """Answers with a status, or raises what it is given."""

    def __init__(self, answer: int | Exception = 200) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        if isinstance(self.answer, Exception):
            raise self.answer
        return httpx.Response(self.answer)


class Patient:
    """A heart whose receiver and clock are ours."""

    def __init__(self, receiver: Receiver, url: str = "${DEADMAN}") -> None:
        self.clock = FakeClock()
        now_ns = self.clock.wall_ns()
        self.alive = Alive(beat_ns=now_ns, evaluated_ns=now_ns)
        self.states: list[tuple[str, str]] = []
        self.receiver = receiver
        self.heart = Heart(
            Heartbeat(url=url, every_s=0.0),
            self.alive,
            Secrets({"DEADMAN": SECRET}),
            notified=lambda receiver, state: self.states.append((receiver, state)),
            wall_ns=self.clock.wall_ns,
        )

    def beat(self, times: int = 1) -> None:
        async def go() -> None:
            async with httpx.AsyncClient(transport=httpx.MockTransport(self.receiver)) as client:
                for _ in range(times):
                    await self.heart.beat(client)

        asyncio.run(go())


def test_a_heartbeat_goes_to_the_url_that_the_reference_stands_for() -> None:
    patient = Patient(Receiver())
    patient.beat()
    assert patient.receiver.asked == [SECRET]
    assert patient.states == [("heartbeat", "sent")]


@pytest.mark.parametrize("what", ["beat_ns", "evaluated_ns"])
def test_it_falls_silent_when_nobody_measures_or_evaluates_any_more(what: str) -> None:
    patient = Patient(Receiver())
    patient.clock.advance(121)
    for name in {"beat_ns", "evaluated_ns"} - {what}:
        setattr(patient.alive, name, patient.clock.wall_ns())
    patient.beat()
    assert patient.receiver.asked == []
    assert patient.states == []


@pytest.mark.parametrize("answer", [404, 503, httpx.ConnectError("to nowhere"), httpx.ReadTimeout("slow")])
def test_a_failed_delivery_is_counted_and_never_names_the_url(answer: int | Exception) -> None:
    patient = Patient(Receiver(answer))
    with capture_logs() as said:
        patient.beat()
    assert patient.states == [("heartbeat", "failed")]
    assert "alerts.heartbeat.url" in said[0]["reason"]
    assert "s3cr3t" not in repr(said)


def test_a_reference_that_stands_for_nothing_is_a_failed_delivery() -> None:
    patient = Patient(Receiver(), url="${NOT_SET}")
    patient.beat()
    assert patient.states == [("heartbeat", "failed")]


def test_the_log_speaks_at_changes_only() -> None:
    receiver = Receiver()
    patient = Patient(receiver)
    with capture_logs() as said:
        patient.beat(3)
        receiver.answer = 500
        patient.beat(3)
        receiver.answer = 200
        patient.beat(3)
    assert [event["event"] for event in said] == ["heartbeat.sent", "heartbeat.silent", "heartbeat.sent"]


@pytest.mark.parametrize(("status", "permanent"), [(404, True), (500, False)])
def test_a_client_error_is_permanent(status: int, permanent: bool) -> None:  # noqa: FBT001 - a parameter of the test
    async def go() -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(Receiver(status))) as client:
            with pytest.raises(DeliveryError) as raised:
                await send(client, SECRET)
            assert raised.value.permanent is permanent

    asyncio.run(go())


def test_the_http_library_does_not_log_the_url(caplog: pytest.LogCaptureFixture) -> None:
    """It would, at level info."""
    caplog.set_level(logging.DEBUG)
    patient = Patient(Receiver(), url="http://127.0.0.1:1/5up3r-s3cr3t")

    async def go() -> None:
        beating = asyncio.create_task(patient.heart.keep_beating())
        while not patient.states:  # noqa: ASYNC110 - the heart tells a list, not an event
            await asyncio.sleep(0)
        beating.cancel()

    asyncio.run(go())
    assert "s3cr3t" not in caplog.text


class Pulse:
    """Stands for a heart: says when it beats and when it is stopped."""

    def __init__(self, name: str, told: list[str], failure: Exception | None = None) -> None:
        self._name, self._told, self._failure = name, told, failure

    async def keep_beating(self) -> None:
        self._told.append(f"{self._name} beats")
        try:
            if self._failure:
                raise self._failure
            await asyncio.Event().wait()
        finally:
            self._told.append(f"{self._name} stops")


def test_a_changed_heart_takes_the_place_of_the_one_before_and_none_may_come_between() -> None:
    told: list[str] = []
    hearts: list[Pulse | None] = [Pulse("first", told), None, Pulse("second", told)]

    async def scenario() -> None:
        changed = asyncio.Event()
        keeping = asyncio.create_task(keep_newest(lambda: hearts.pop(0), changed))  # type: ignore[arg-type, return-value] # as good as a heart
        while hearts:
            await asyncio.sleep(0)
            changed.set()
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)

    asyncio.run(scenario())
    assert told == ["first beats", "first stops", "second beats", "second stops"]


def test_a_heart_that_fails_ends_its_keeper_loudly() -> None:
    told: list[str] = []
    broken = Pulse("broken", told, RuntimeError("a defect"))
    with pytest.raises(RuntimeError, match="a defect"):
        asyncio.run(keep_newest(lambda: broken, asyncio.Event()))  # type: ignore[arg-type, return-value] # as above
