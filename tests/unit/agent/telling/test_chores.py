import asyncio

import pytest

from agent.telling import chores
from agent.telling.chores import repeat
from storage.base import StoreUnavailableError


class Chore:
    """Fails so often, then succeeds; ends its doer after a number of times."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.times = 0

    def __call__(self) -> None:
        self.times += 1
        if self.times <= self.failures:
            raise StoreUnavailableError("away")


def test_what_is_repeated_goes_on_over_failures_and_says_when_it_was_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chores, "AGAIN_S", 0.0)
    chore, done = Chore(failures=2), asyncio.Event()

    async def go() -> None:
        async with asyncio.timeout(5):
            repeating = asyncio.create_task(repeat(chore, 3600.0, done.set))
            await done.wait()
            repeating.cancel()

    asyncio.run(go())
    assert chore.times == 3


def test_any_other_failure_ends_what_is_repeated_loudly() -> None:
    def broken() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(repeat(broken, 1.0, lambda: None))
