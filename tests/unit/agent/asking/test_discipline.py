import sys

import pytest

from agent.asking.discipline import clock_offset_s


def test_the_kernel_tells_seconds_or_nothing() -> None:
    """Whatever disciplines this machine's clock: a step of more than a second would be made at once."""
    told = clock_offset_s()
    assert told is None or abs(told) < 1


def test_elsewhere_nobody_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert clock_offset_s() is None
