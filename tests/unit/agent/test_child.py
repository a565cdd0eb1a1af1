"""A child of the daemon is started again when it fails, and never once it was told to stop."""

import asyncio
import signal
from typing import Any

import pytest

from agent import child as children
from agent.child import Child, ChildSpec
from support.llm import free_port


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
    monkeypatch.setattr(children, "FIRST_PAUSE_S", 0.05)

    async def scenario() -> list[int | None]:
        failing, told = child("no_such_module")
        died = asyncio.Event()
        monkeypatch.setattr(children.log, "error", lambda *_, **__: died.set(), raising=False)
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
        before = starting.process
        await starting.stop(1.0)
        await asyncio.wait_for(running, 10)
        assert before is None
        assert starting.process is not None
        assert starting.process.returncode == -signal.SIGKILL

    asyncio.run(scenario())


def test_what_a_child_left_is_not_forgotten_by_one_that_died_at_once(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """It has asked nothing: the next one is still told since when nobody asked."""
    monkeypatch.setattr(children, "FIRST_PAUSE_S", 0.05)

    async def scenario() -> list[int | None]:
        failing, told = child("no_such_module")
        enough = asyncio.Event()

        def died(*_: object, **__: object) -> None:
            if len(told) >= 3:
                enough.set()

        monkeypatch.setattr(children.log, "error", died, raising=False)
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


def test_who_calls_a_child_waits_until_it_listens() -> None:
    """Else the first probes of the demo's clouds would be refused, and the demo would begin with failures."""

    async def scenario() -> None:
        port = free_port()
        serving = Child(ChildSpec(name="child", argv=("this",), first_line=lambda _: {}, port=port))
        waiting = asyncio.create_task(serving.heeds())
        done, _ = await asyncio.wait([waiting], timeout=0.2)
        assert not done
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", port)
        async with server:
            await asyncio.wait_for(waiting, 10)

    asyncio.run(scenario())


def test_nobody_waits_for_a_child_that_does_not_listen() -> None:
    quiet, _ = child("this")
    asyncio.run(quiet.heeds())


def test_a_child_has_the_environment_of_its_parent_and_what_it_asks_for_besides(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """What somebody set for the daemon holds for its processes."""
    monkeypatch.setenv("SET_BY_HAND", "1")
    spec = ChildSpec(
        name="child",
        argv=("timeit", "-n1", "-sfrom os import environ as e", "print(e['SET_BY_HAND'], e['OURS'])"),
        first_line=lambda _: {},
        env={"SET_BY_HAND": "2", "OURS": "3"},
    )

    async def scenario() -> None:
        started, ended = Child(spec), asyncio.Event()
        monkeypatch.setattr(children.log, "error", lambda *_, **__: ended.set(), raising=False)
        running = asyncio.create_task(started.keep_running())
        await ended.wait()
        await started.stop(1.0)
        await asyncio.wait_for(running, 10)

    asyncio.run(scenario())
    assert "1 3\n" in capfd.readouterr().out
