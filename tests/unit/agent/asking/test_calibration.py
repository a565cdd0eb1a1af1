import asyncio
from collections.abc import Iterable

from structlog.testing import capture_logs

from agent.asking.calibrate import CalibrationError
from agent.asking.calibration import AGAIN_S, EVERY_S, Calibration, Marking
from agent.asking.truth import Errors
from probes.base import Slot
from probes.fake import FakeProbe
from probes.result import SCHEDULED, Outcome
from probes.target import Workload
from support.asking import a_target
from support.clock import FakeClock
from support.virtual import run

GOOD: Errors = {"no": {"p50": 1e-5, "p99": 2e-5}, "yes": {"p50": 2e-5, "p99": 4e-5}}
POOR_TLS: Errors = {**GOOD, "yes": {"p50": 2e-5, "p99": 0.0011}}
GONE = CalibrationError("the truth server does not run")


class Measuring:
    """Gives these in turn, the last one for ever, and notes when it was asked (seconds)."""

    def __init__(self, clock: FakeClock, found: Iterable[Errors | CalibrationError]) -> None:
        self.found = list(found)
        self.at: list[float] = []
        self.clock = clock
        self.began_ns = clock.mono_ns()

    async def __call__(self) -> Errors:
        self.at.append((self.clock.mono_ns() - self.began_ns) / 1e9)
        found = self.found[min(len(self.at), len(self.found)) - 1]
        if isinstance(found, CalibrationError):
            raise found
        return found


def calibrating(seconds: float, *found: Errors | CalibrationError) -> tuple[Calibration, Measuring]:
    clock = FakeClock()
    measure = Measuring(clock, found)
    calibration = Calibration(measure)

    async def main() -> None:
        running = asyncio.create_task(calibration.run())
        await asyncio.sleep(seconds)
        running.cancel()

    run(clock, main())
    return calibration, measure


def test_it_measures_at_start_and_hourly() -> None:
    calibration, measure = calibrating(2 * EVERY_S + 1, GOOD)
    assert measure.at == [0, EVERY_S, 2 * EVERY_S]
    assert calibration.errors == GOOD
    assert not calibration.poor


def test_a_poor_one_is_confirmed_at_once_then_repeated_each_minute_until_a_good_one() -> None:
    with capture_logs() as logs:
        calibration, measure = calibrating(2 * AGAIN_S + 1, POOR_TLS, POOR_TLS, POOR_TLS, GOOD)
    assert measure.at == [0, 0, AGAIN_S, 2 * AGAIN_S]
    assert not calibration.poor
    assert [line["event"] for line in logs].count("calibration.poor") == 1, "said once, not each minute"


def test_a_passing_disturbance_is_no_verdict() -> None:
    calibration, _ = calibrating(1, POOR_TLS, GOOD)
    assert calibration.errors == GOOD
    assert not calibration.poor


def test_without_the_truth_the_error_is_not_known_and_that_is_said_once() -> None:
    with capture_logs() as logs:
        calibration, measure = calibrating(3 * AGAIN_S + 1, GOOD, GONE)
        assert calibration.errors == GOOD
        assert len(measure.at) == 1
        calibration, measure = calibrating(3 * AGAIN_S + 1, GONE)
    assert calibration.errors == {}
    assert len(measure.at) == 4
    assert [line["event"] for line in logs].count("calibration.missing") == 1


def test_a_poor_kind_stays_poor_until_it_is_good_whatever_else_happens() -> None:
    only_plain: Errors = {"no": GOOD["no"]}
    calibration, _ = calibrating(3 * AGAIN_S + 1, POOR_TLS, POOR_TLS, GONE, only_plain)
    assert calibration.poor == {"yes"}
    assert calibration.errors == only_plain


def reasons(endpoint: str, outcome: Outcome, *found: Errors) -> tuple[str, ...]:
    calibration, _ = calibrating(1, *found)
    clock = FakeClock()
    probe = Marking(FakeProbe(clock, [outcome]), calibration)
    target = a_target()
    object.__setattr__(target, "endpoint", endpoint)
    result = run(clock, probe.ask(target, Workload(name="chat"), Slot(1, SCHEDULED)))
    return result.quality_reasons


def test_samples_of_a_poor_kind_are_marked_and_no_others() -> None:
    assert reasons("https://x", Outcome.OK, POOR_TLS) == ("calibration",)
    assert reasons("http://x", Outcome.OK, POOR_TLS) == ()
    assert reasons("https://x", Outcome.OK, GOOD) == ()


def test_a_failure_without_an_instant_has_none_to_be_doubted() -> None:
    assert reasons("https://x", Outcome.FIRST_TOKEN_TIMEOUT, POOR_TLS) == ()
