"""What is written down of an attempt is what was observed, and nothing else."""

import uuid
from typing import Any

import pytest

from probes import timing
from probes.attempt import Attempt
from probes.base import Read, Reading, Slot, Unit
from probes.outcome import Verdict
from probes.result import Outcome, ProbeResult, StreamVerdict
from probes.target import Target, Workload
from storage.segments import MAX_BODY
from support.clock import FakeClock
from support.secrets import FakeSecrets

TARGET = Target(name="t", provider="vllm", cloud="c", model="m", model_id="m", endpoint="http://h", group="m")
WORD = Unit("output", "pong")


def attempt() -> Attempt:
    clock = FakeClock(mono_ns=1_000)
    return Attempt(TARGET, Workload(name="chat"), Slot(clock.wall_ns(), 0), "v", clock)


def result(of: Attempt, outcome: Outcome = Outcome.OK, lag_s: float = 0.0) -> ProbeResult:
    return of.result(uuid.UUID(int=1), Verdict(outcome), 9_000_001_000, lag_s, FakeSecrets({}))


def test_an_attempt_that_saw_nothing_says_nothing() -> None:
    seen = result(attempt())
    unknown = [
        "ttfb_s",
        "ttft_s",
        "total_s",
        "stamp",
        "peer",
        "reused",
        "stream",
        "cost_usd",
        "http_status",
        "itl_s",
    ]
    assert {getattr(seen, name) for name in unknown} == {None}
    assert (seen.chunks, seen.marks) == ((), ((timing.END, 9_000_000_000),))


def test_an_answer_that_came_before_the_request_was_sent_took_no_time() -> None:
    """No counter of seconds takes a negative one."""
    hasty = attempt()
    hasty.marks.mark(timing.FIRST_BYTE, 2_000)
    hasty.marks.mark(timing.SENT, 3_000)
    assert result(hasty).ttfb_s is None


def test_one_read_in_user_space_makes_the_stamps_those_of_user_space() -> None:
    mixed = attempt()
    mixed.read([WORD], Read(2_000, kernel=True, after_ns=None))
    assert result(mixed).stamp == "kernel"
    mixed.read([WORD], Read(3_000, kernel=False, after_ns=2_000))
    assert result(mixed).stamp == "user"


def test_a_flood_of_units_still_fits_into_the_journal() -> None:
    """64 MiB of one-letter events are 1.4 million units; written out in full they would cost the slot."""
    flooded = attempt()
    flooded.marks.mark(timing.SENT, 1_500)
    for nth in range(100):
        flooded.read([WORD] * 10_000, Read(2_000_000_000 + nth, kernel=True, after_ns=None))
    seen = result(flooded)
    assert len(seen.encode()) < MAX_BODY
    assert seen.gap_max_s == 1e-9
    assert seen.last_token_s == pytest.approx(1.999998599)


@pytest.mark.parametrize(
    ("followed", "after_ns", "expected"),
    [(False, 1_000_000, 0.0), (True, 1_000_000, 0.002), (True, None, None), (True, 3_000_000, 0.0)],
    ids=["the last in its read", "followed", "followed, and nothing read before", "all in one segment"],
)
def test_only_the_first_units_read_can_make_the_first_token_uncertain(
    followed: bool,  # noqa: FBT001 - parametrized
    after_ns: int | None,
    expected: float | None,
) -> None:
    seen = attempt()
    seen.read([], Read(900_000, kernel=True, after_ns=1_000))
    seen.read([WORD], Read(3_000_000, kernel=True, after_ns=after_ns), followed=followed)
    seen.read([WORD, WORD], Read(9_000_000, kernel=True, after_ns=3_000_000), followed=True)
    assert result(seen).stamp_uncertainty_s == expected


def test_no_answer_comes_before_its_request() -> None:
    """On a kept connection the read before may be minutes old: the request is the nearer bound."""
    seen = attempt()
    seen.marks.mark(timing.SENT, 2_500_000)
    seen.read([WORD], Read(3_000_000, kernel=True, after_ns=1_000), followed=True)
    assert result(seen).stamp_uncertainty_s == 0.0005


def spoken(last_followed: bool, after_ns: int) -> ProbeResult:  # noqa: FBT001 - two facts of one read
    """Return an answer of eleven tokens, 100 ms apart, whose last read may hold more than its last token."""
    seen = attempt()
    seen.marks.mark(timing.SENT, 1_000)
    seen.head(200, {}, 1_000)
    for nth in range(10):
        at_ns = 100_000_000 * (nth + 1)
        seen.read([WORD], Read(at_ns, kernel=True, after_ns=at_ns))
    seen.read([WORD], Read(1_100_000_000, kernel=True, after_ns=after_ns), followed=last_followed)
    seen.ended()
    seen._reading = Reading(stream=StreamVerdict.COMPLETE, tokens_after_first=10)
    return result(seen)


@pytest.mark.parametrize(
    ("followed", "after_ns", "expected"),
    [(False, 1_000_000_000, 0.1), (True, 1_099_600_000, 0.1), (True, 1_099_400_000, None)],
    ids=["sure", "0.04 ms a token", "0.06 ms a token"],
)
def test_a_mean_that_the_last_read_makes_doubtful_is_left_out(
    followed: bool,  # noqa: FBT001 - parametrized
    after_ns: int,
    expected: float | None,
) -> None:
    """Unset rather than wrong: the first token's time stands all the same."""
    seen = spoken(followed, after_ns)
    assert seen.itl_s == (expected and pytest.approx(expected))
    assert seen.trusted


def swift(tokens: float | None, uncertain_ns: int = 0) -> float | None:
    """Return the speed of an answer whose units came from 0.1 s to 10.1 s, the last one so uncertain."""
    seen = attempt()
    seen.marks.mark(timing.SENT, 1_000)
    seen.head(200, {}, 1_000)
    for at_ns in (100_000_000, 5_000_000_000, 10_100_000_000):
        last = at_ns == 10_100_000_000
        after_ns = at_ns - uncertain_ns if last else at_ns
        seen.read([WORD], Read(at_ns, kernel=True, after_ns=after_ns), followed=last and uncertain_ns > 0)
    seen.ended()
    seen._reading = Reading(stream=StreamVerdict.COMPLETE, tokens_streamed=tokens)
    return result(seen).tokens_per_s


def test_the_speed_is_told_of_a_long_answer_alone() -> None:
    """A short one shows how its first tokens were sent, not how fast the model goes on."""
    assert swift(500.0) == pytest.approx(50.0)
    assert swift(250.0) == pytest.approx(25.0)
    assert swift(249.9) is None
    assert swift(None) is None


def test_a_speed_that_may_be_off_by_a_hundredth_is_left_out() -> None:
    assert swift(500.0, uncertain_ns=99_000_000) == pytest.approx(50.0)
    assert swift(500.0, uncertain_ns=100_000_000) is None


def test_an_answer_that_came_at_once_has_no_speed() -> None:
    """A gateway that gathers it first: nothing of the model's pace is left."""
    seen = attempt()
    seen.marks.mark(timing.SENT, 1_000)
    seen.head(200, {}, 1_000)
    seen.read([WORD, WORD], Read(100_000_000, kernel=True, after_ns=100_000_000))
    seen.ended()
    seen._reading = Reading(stream=StreamVerdict.COMPLETE, tokens_streamed=500.0)
    assert result(seen).tokens_per_s is None


def test_a_clock_that_was_set_and_a_send_that_took_long_are_told() -> None:
    """A conversion with the wrong offset, and a `sent` that may be later than its mark."""
    seen = attempt()
    seen.marks.mark(timing.SENT, 2_000)
    seen.marks.mark(timing.SENT_BY, 1_500_000)
    seen.read([WORD], Read(3_000_000, kernel=False, after_ns=2_000, stepped=True))
    assert result(seen).quality_reasons == ("slow_send", "clock_step")


def test_a_deadline_without_any_unit_is_trusted_however_late_we_were() -> None:
    """It stays a bad event of the latency SLIs: no stamp of ours is in doubt, for none was needed."""
    silent = attempt()
    silent.read([], Read(2_000, kernel=False, after_ns=None))
    assert result(silent, Outcome.FIRST_TOKEN_TIMEOUT, lag_s=0.2).trusted
    spoke = attempt()
    spoke.read([WORD], Read(2_000, kernel=False, after_ns=None))
    assert result(spoke, Outcome.STALLED, lag_s=0.2).quality_reasons == ("loop_lag",)


@pytest.mark.parametrize(("status", "expected"), [(200, Outcome.TRUNCATED), (500, Outcome.SERVER_ERROR)])
def test_a_total_is_observed_only_where_the_body_ended_by_itself(status: int, expected: Outcome) -> None:
    cut, whole = attempt(), attempt()
    for seen in (cut, whole):
        seen.marks.mark(timing.SENT, 1_000)
        seen.head(status, {}, 1_000)
        seen.read([], Read(2_001_000, kernel=False, after_ns=None))
    verdict: Any = cut.broke(Outcome.TRUNCATED, "It broke.")
    assert verdict.outcome is expected
    assert result(cut, verdict.outcome).total_s is None
    whole.ended()
    assert result(whole).total_s == pytest.approx(0.002)
