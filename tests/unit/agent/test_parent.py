"""A child of the daemon is started again when it fails, and never once it was told to stop."""

import asyncio
import signal
from typing import Any

import pytest

from agent import parent
from agent.parent import Child, ChildSpec


def child(module: str) -> tuple[Child, list[int | None]]:
    """Return a child, and a list of what each of its processes was told."""
    told: list[int | None] = []

    def first_line(died_ns: int | None) -> dict[str, Any]:
        told.append(died_ns)
        return {}

    return Child(ChildSpec(name="child", argv=(module,), first_line=first_line)), told


def test_a_child_that_waits_for_its_restart_is_not_started_after_a_stop(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Else it would outlive the stop, and ask slots that nobody waits for."""
    monkeypatch.setattr(parent, "FIRST_PAUSE_S", 0.05)

    async def scenario() -> list[int | None]:
        failing, told = child("no_such_module")
        died = asyncio.Event()
        monkeypatch.setattr(parent.log, "error", lambda *_, **__: died.set(), raising=False)
        running = asyncio.create_task(failing.keep_running())
        await died.wait()
        assert await failing.stop(1.0) == 1
        await asyncio.wait_for(running, 10)
        return told

    assert asyncio.run(scenario()) == [None]
    assert "No module named" in capfd.readouterr().err


def test_a_child_that_is_just_being_started_is_stopped_too() -> None:
    """The stop comes while there is no process yet."""

    async def scenario() -> None:
        starting, _ = child("this")
        running = asyncio.create_task(starting.keep_running())
        await asyncio.sleep(0)
        assert starting.process is None
        await starting.stop(1.0)
        await asyncio.wait_for(running, 10)
        assert starting.process is not None
        assert starting.process.returncode == -signal.SIGKILL

    asyncio.run(scenario())


def test_what_a_child_left_is_not_forgotten_by_one_that_died_at_once(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """It has asked nothing: the next one is still told since when nobody asked."""
    monkeypatch.setattr(parent, "FIRST_PAUSE_S", 0.05)

    async def scenario() -> list[int | None]:
        failing, told = child("no_such_module")
        enough = asyncio.Event()
        monkeypatch.setattr(
            parent.log, "error", lambda *_, **__: len(told) >= 3 and enough.set(), raising=False
        )
        running = asyncio.create_task(failing.keep_running())
        await enough.wait()
        await failing.stop(1.0)
        await asyncio.wait_for(running, 10)
        return told

    first, second, third = asyncio.run(scenario())
    assert first is None
    assert second is not None
    assert third == second
    capfd.readouterr()
