"""Why not to believe a sample: each reason alone, and at its bound."""

from typing import Any

import pytest

from probes import quality


def reasons(**changes: Any) -> tuple[str, ...]:
    quiet: dict[str, Any] = {
        "stamp": "kernel",
        "uncertainty_s": 0.0,
        "send_s": 0.000_02,
        "stepped": False,
        "lag_s": 0.0,
        "attempt": 0,
        "lateness_s": 0.002,
        "disturbed": (),
    }
    return quality.reasons(**quiet | changes)


def test_a_quiet_sample_is_trusted() -> None:
    assert reasons() == ()
    assert reasons(stamp="user") == ()


@pytest.mark.parametrize(
    ("name", "bound", "reason"),
    [
        ("uncertainty_s", quality.MERGED_S, "merged_read"),
        ("send_s", quality.SEND_S, "slow_send"),
        ("lateness_s", quality.LATE_S, "late"),
    ],
)
def test_each_bound_is_trusted_and_past_it_is_not(name: str, bound: float, reason: str) -> None:
    assert reasons(**{name: bound}) == ()
    assert reasons(**{name: bound * 1.01}) == (reason,)


@pytest.mark.parametrize("changes", [{"lag_s": 0.0011}, {"disturbed": ("throttled_cpu",)}])
def test_what_delays_our_process_alone_spoils_its_own_stamps_and_no_others(changes: dict[str, Any]) -> None:
    """The kernel stamps on while we stand still; what that merges is told by the doubt of the read."""
    assert reasons(**changes) == ()
    assert len(reasons(**changes, stamp="user")) == 1


def test_what_delays_the_kernel_spoils_its_stamps_too() -> None:
    assert reasons(disturbed=("cpu_steal",)) == ("cpu_steal",)
    assert reasons(stepped=True) == ("clock_step",)


def test_an_answer_out_of_a_gateways_cache_is_not_the_models() -> None:
    assert reasons(cached=True) == ("gateway_cache",)


@pytest.mark.parametrize("attempt", [1, -1])
def test_only_a_scheduled_attempt_can_be_late(attempt: int) -> None:
    """A confirmation bears its slot's instant and is asked seconds later on purpose."""
    assert reasons(attempt=attempt, lateness_s=9.0) == ()


def test_what_is_not_known_is_no_reason() -> None:
    assert reasons(uncertainty_s=None, send_s=None) == ()
