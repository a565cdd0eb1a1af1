"""An event loop that never waits: where it would sleep, a FakeClock is moved on instead."""

import asyncio
import math
import selectors
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Self, TypeVar

import pytest
from apscheduler.schedulers import base

from support.clock import FakeClock

T = TypeVar("T")


class _Selector(selectors.SelectSelector):
    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "nothing is due and nothing can come: a dead end"
            if timeout > 0:
                self._clock.advance(max(1, math.ceil(timeout * 1e9)) / 1e9)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its time is the FakeClock's monotonic one."""

    def __init__(self, clock: FakeClock) -> None:
        self._fake = clock
        super().__init__(_Selector(clock))

    def time(self) -> float:
        return self._fake.mono_ns() / 1e9


def run(clock: FakeClock, coroutine: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(clock)) as runner:
        return runner.run(coroutine)


def fake_scheduler_time(monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> None:
    """Let APScheduler, which reads the system's wall clock, read this one."""

    class FakeDatetime(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:  # noqa: ARG003 - the caller always asks for UTC
            return cls(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=clock.wall_ns() // 1000)

    monkeypatch.setattr(base, "datetime", FakeDatetime)
