"""Draining waits for the plan's longest timeout, and for what an earlier plan left in flight."""

from agent.asking.patience import Patience
from support.asking import a_config, replaced
from support.clock import FakeClock


def test_a_plan_with_a_longer_timeout_is_waited_for_at_once() -> None:
    clock = FakeClock()
    patience = Patience(a_config(), clock.mono_ns)
    assert patience.seconds == 30.0
    patience.switch(replaced(a_config(), timeout_s=90.0))
    assert patience.seconds == 90.0


def test_what_an_earlier_plan_left_in_flight_is_waited_for_until_its_timeout_has_passed() -> None:
    """Also over two changes in a row."""
    clock = FakeClock()
    patience = Patience(replaced(a_config(), timeout_s=90.0), clock.mono_ns)
    patience.switch(replaced(a_config(), timeout_s=5.0))
    patience.switch(replaced(a_config(), timeout_s=2.0))
    assert patience.seconds == 90.0
    clock.advance(80)
    assert patience.seconds == 10.0
    clock.advance(80)
    assert patience.seconds == 2.0


def test_a_plan_without_probes_asks_no_patience() -> None:
    clock = FakeClock()
    config = a_config()
    assert (
        Patience(
            type(config)(vantage="v", state_dir="s", targets=(), probes=(), objectives=()), clock.mono_ns
        ).seconds
        == 0.0
    )
