"""What identity rests on is fetched once, kept until it ends, and got anew in good time."""

import asyncio
import gc
import threading
from collections.abc import Callable

import pytest

from probes.base import SigningError
from probes.kept import Fetched, Kept


class Now:
    def __init__(self) -> None:
        self.s = 1000.0

    def __call__(self) -> float:
        return self.s


class Service:
    """Gives tokens of 1,000 s; each fetch waits for the gate."""

    def __init__(self, now: Now) -> None:
        self._now = now
        self.fetched = 0
        self.gate = threading.Event()
        self.gate.set()
        self.failing: Exception | None = None
        self.ended = threading.Semaphore(0)

    def __call__(self) -> Fetched[str]:
        try:
            assert self.gate.wait(20)
            self.fetched += 1
            if self.failing is not None:
                raise self.failing
            return Fetched(f"token-{self.fetched}", self._now.s + 1000.0)
        finally:
            self.ended.release()


def get(kept: Kept[str], fetch: Callable[[], Fetched[str]], *, anew: bool = False) -> str:
    return asyncio.run(kept.get("k", fetch, anew=anew))


def test_a_token_is_fetched_once_and_again_when_it_ended_or_is_wanted_anew() -> None:
    now = Now()
    kept, service = Kept[str](now), Service(now)
    assert [get(kept, service) for _ in range(3)] == ["token-1"] * 3
    assert get(kept, service, anew=True) == "token-2"
    now.s += 1001.0
    assert get(kept, service) == "token-3"


def test_a_token_that_ends_soon_serves_on_while_the_next_one_is_fetched() -> None:
    now = Now()
    kept, service = Kept[str](now), Service(now)
    get(kept, service)
    assert service.ended.acquire(timeout=20)
    now.s += 850.0
    service.gate.clear()
    assert get(kept, service) == "token-1"
    service.gate.set()
    assert service.ended.acquire(timeout=20)
    now.s += 151.0
    assert get(kept, service) == "token-2"


def test_a_failed_fetch_ahead_of_time_neither_shows_nor_is_repeated_at_once() -> None:
    now = Now()
    kept, service = Kept[str](now), Service(now)
    get(kept, service)
    assert service.ended.acquire(timeout=20)
    now.s += 850.0
    service.failing = SigningError("down")
    assert get(kept, service) == "token-1"
    assert service.ended.acquire(timeout=20)
    assert get(kept, service) == "token-1"
    assert service.fetched == 2
    now.s += 151.0
    with pytest.raises(SigningError, match="down"):
        get(kept, service)


def test_those_who_wait_share_one_fetch() -> None:
    now = Now()
    kept, service = Kept[str](now), Service(now)
    service.gate.clear()

    async def all_of_them() -> list[str]:
        waiting = [asyncio.create_task(kept.get("k", service)) for _ in range(5)]
        await asyncio.sleep(0)
        service.gate.set()
        return await asyncio.gather(*waiting)

    assert asyncio.run(all_of_them()) == ["token-1"] * 5
    assert service.fetched == 1


def test_a_service_that_hangs_holds_nobody_up_past_the_limit() -> None:
    now = Now()
    kept, service = Kept[str](now, limit_s=0.01), Service(now)
    service.gate.clear()
    with pytest.raises(SigningError, match="no identity came within") as raised:
        get(kept, service)
    assert raised.value.code == "identity_timeout"
    service.gate.set()
    assert service.ended.acquire(timeout=20)


def test_a_fetch_that_is_stuck_is_left_to_itself_and_another_one_begun() -> None:
    now = Now()
    kept, service = Kept[str](now, limit_s=0.01), Service(now)
    service.gate.clear()
    with pytest.raises(SigningError):
        get(kept, service)
    now.s += 61.0
    assert get(kept, lambda: Fetched("another")) == "another"
    service.gate.set()
    assert service.ended.acquire(timeout=20)


def test_a_failure_that_comes_too_late_is_complained_of_by_nobody() -> None:
    now = Now()
    kept, service = Kept[str](now, limit_s=0.01), Service(now)
    service.gate.clear()
    service.failing = SigningError("down")
    complaints: list[str] = []

    async def hasty() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, said: complaints.append(said["message"]))
        with pytest.raises(SigningError, match="no identity came within"):
            await kept.get("k", service)
        service.gate.set()
        for thread in threading.enumerate():
            if thread.name == "identity":
                await asyncio.to_thread(thread.join)
        for _ in range(3):  # the failure comes into the loop, and is told to who looks
            await asyncio.sleep(0)
        service.failing = None  # its traceback holds what was fetched
        gc.collect()

    asyncio.run(hasty())
    assert complaints == []
