import dataclasses
import json

import pytest

from exporters.board import Board
from exporters.lines import FRESH_NS, SAMPLES
from exporters.pages import Served, TargetLine
from exporters.signals import SelfReport, State
from probes.result import Fault, Outcome
from support.pages import QUICK, info, page_plan, status, tell
from support.told import EVERY_NS, SECOND_NS, START_NS, result

BAD = Outcome.SERVER_ERROR
NOW_NS = START_NS + 10 * SECOND_NS


@pytest.fixture
def board() -> Board:
    made = Board("1.2.3")
    made.plan(page_plan())
    return made


def line(board: Board, now_ns: int = NOW_NS) -> TargetLine:
    (found,) = board.page(now_ns).targets
    return found


def test_a_target_of_which_nothing_came_is_unknown(board: Board) -> None:
    assert (line(board).state, line(board).why) == ("unknown", "no result yet")


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ({}, "good"),
        ({"bad": True}, "degraded"),
        ({"outcome": BAD, "fault": Fault.UNDETERMINED}, "degraded"),
        ({"outcome": BAD, "fault": Fault.UNDETERMINED, "confirmed": True}, "down"),
        ({"outcome": BAD, "fault": Fault.OURS, "confirmed": True}, "unknown"),
        ({"outcome": Outcome.CONFIG}, "unknown"),
    ],
)
def test_the_state_is_that_of_the_last_settled_result(
    board: Board, told: dict[str, object], state: State
) -> None:
    tell(board, **told)  # type: ignore[arg-type]  # parts of a story
    assert line(board).state == state


def test_a_first_failure_is_not_shown_before_it_is_settled(board: Board) -> None:
    board.take(result(0, BAD))
    assert (line(board).state, line(board).why) == ("unknown", "its first failure is being confirmed")
    assert line(board).last_ns == START_NS


def test_what_is_old_is_not_shown_as_if_it_were_now(board: Board) -> None:
    """Two intervals, the deadline and 5 s without a word: then nobody knows."""
    tell(board)
    assert line(board, START_NS + 95 * SECOND_NS).state == "good"
    silent = line(board, START_NS + 96 * SECOND_NS)
    assert (silent.state, silent.why) == ("unknown", "no result for 1 min 36 s")


def test_a_state_lasts_since_it_began(board: Board) -> None:
    for slot, outcome in enumerate((Outcome.OK, BAD, BAD)):
        tell(board, slot, outcome, fault=Fault.UNDETERMINED)
    assert line(board, START_NS + 3 * EVERY_NS).since_ns == START_NS + EVERY_NS


def test_the_last_failure_stays_with_what_it_said(board: Board) -> None:
    tell(board, 0, BAD, error="busy", fault=Fault.NOT_OURS)
    tell(board, 1)
    failure = line(board, START_NS + EVERY_NS).failure
    assert failure is not None
    assert (failure.outcome, failure.error, failure.fault) == ("server_error", "busy", "not_ours")
    assert failure.at_ns == START_NS


def test_first_tokens_are_the_median_of_trusted_and_fresh_samples(board: Board) -> None:
    for slot, ttft_s in enumerate((0.2, 0.4, 0.9)):
        tell(board, slot, ttft_s=ttft_s)
    tell(board, 3, ttft_s=9.0, quality_reasons=("loop_lag",))
    (median,) = line(board, START_NS + 3 * EVERY_NS).ttft
    assert (median.seconds, median.samples) == (0.4, 3)
    assert line(board, START_NS + FRESH_NS + 3 * EVERY_NS).ttft == ()


def test_the_samples_are_bounded(board: Board) -> None:
    for slot in range(SAMPLES + 5):
        tell(board, slot, ttft_s=float(slot))
    (median,) = line(board, START_NS + (SAMPLES + 5) * EVERY_NS).ttft
    assert median.samples == SAMPLES
    assert median.seconds == (5 + SAMPLES + 4) / 2


def test_of_several_probes_the_worst_state_is_shown_and_named(board: Board) -> None:
    board.plan(page_plan(probes=("chat", "models")))
    tell(board)
    tell(board, probe="models", outcome=BAD, fault=Fault.UNDETERMINED, confirmed=True)
    assert (line(board).state, line(board).probe) == ("down", "models")


def test_targets_come_worst_first(board: Board) -> None:
    board.plan(page_plan(info("a"), info("b"), info("c"), info("d")))
    tell(board, target="a")
    tell(board, target="b", outcome=BAD, fault=Fault.UNDETERMINED)
    tell(board, target="c", outcome=BAD, fault=Fault.UNDETERMINED, confirmed=True)
    page = board.page(NOW_NS)
    assert [(one.info.target, one.state) for one in page.targets] == [
        ("c", "down"),
        ("b", "degraded"),
        ("d", "unknown"),
        ("a", "good"),
    ]
    assert page.tally() == {"down": 1, "degraded": 1, "unknown": 1, "good": 1}


def test_other_vantages_confirmations_and_unplanned_probes_are_not_shown(board: Board) -> None:
    tell(board, vantage="elsewhere")
    tell(board, probe="models")
    assert line(board).last_ns is None
    tell(board, attempt=1)
    assert (line(board).last_ns, line(board).state) == (START_NS, "unknown")


def test_a_target_shows_its_availability_and_its_tightest_budget(board: Board) -> None:
    board.show((status(), status(objective=QUICK, budget_remaining=-0.5, sli={"28d": 0.985})))
    shown = line(board)
    assert shown.availability is not None
    assert (shown.availability.sli, shown.availability.coverage) == (0.99954, 0.998)
    assert shown.tightest is not None
    assert (shown.tightest.objective.name, shown.tightest.budget) == ("quick", -0.5)


def test_objectives_are_tallied_with_the_worst_of_them(board: Board) -> None:
    board.plan(page_plan(info("a"), info("b"), info("c")))
    unknown = status("c", state="unknown", budget_remaining=None, coverage=0.1)
    board.show((status("a"), status("b", state="bad", budget_remaining=-2.0), unknown))
    available, quick = board.page(NOW_NS).objectives
    assert (available.good, available.bad, available.unknown) == (1, 1, 1)
    assert available.worst is not None
    assert available.worst.slo.target == "b"
    assert quick.worst is None


def test_a_new_plan_keeps_what_it_still_names(board: Board) -> None:
    tell(board)
    board.plan(page_plan(info(), info("azure")))
    assert {one.info.target: one.state for one in board.page(NOW_NS).targets} == {
        "azure": "unknown",
        "openai": "good",
    }
    board.plan(page_plan(info("azure")))
    board.plan(page_plan())
    assert line(board).state == "unknown"


def test_the_head_says_since_when_the_database_is_away(board: Board) -> None:
    assert board.page(NOW_NS).head.database_up is None
    for up, at_ns in ((True, 1), (True, 2), (False, 3), (False, 4)):
        board.database(up=up, at_ns=at_ns)
    head = board.page(NOW_NS).head
    assert (head.database_up, head.database_since_ns) == (False, 3)


def test_the_head_says_our_own_error_and_when_objectives_were_evaluated(board: Board) -> None:
    board.show((status(evaluated_ns=7), status(objective=QUICK, evaluated_ns=9)))
    report = SelfReport(
        at_ns=1,
        boot="a",
        lateness={},
        lateness_sum_s=0.0,
        loop_lag={},
        loop_lag_sum_s=0.0,
        journal_bytes=0,
        journal_oldest_ns=None,
        calibration={"no": {"p99": 0.00002}},
    )
    board.beat(report)
    head = board.page(NOW_NS, ["a trouble"]).head
    assert (head.vantage, head.version, head.config_hash) == ("here", "1.2.3", "abcd")
    assert (head.evaluated_ns, head.troubles) == (9, ("a trouble",))
    assert head.calibration == {"no": {"p99": 0.00002}}


def test_a_restart_goes_on_from_the_snapshot(board: Board) -> None:
    tell(board, 0, BAD, error="busy", fault=Fault.UNDETERMINED, confirmed=True)
    tell(board, 1, ttft_s=0.3)
    kept = json.loads(json.dumps(board.snapshot()))
    again = Board("1.2.3")
    again.restore(kept)
    again.plan(page_plan())
    now_ns = START_NS + EVERY_NS
    assert again.page(now_ns) == board.page(now_ns)


def test_before_any_plan_there_is_a_page_too() -> None:
    page = Board("1.2.3").page(NOW_NS)
    assert (page.targets, page.objectives, page.head.vantage) == ((), (), None)


def test_who_serves_is_told_with_who_did_before(board: Board) -> None:
    """Good answers alone say it, for a refusal may come from anything on the way; a session is not who serves."""
    story = [(Outcome.OK, "east"), (BAD, "gateway"), (Outcome.OK, "east"), (Outcome.OK, "west")]
    for slot, (outcome, region) in enumerate(story):
        tell(board, slot, outcome, backend={"region": region, "session": str(slot)}, fingerprint="fp_1")
    assert line(board).served == Served(
        by="region=west, fp_1", since_ns=START_NS + 3 * EVERY_NS, before="region=east, fp_1"
    )


def test_an_answer_that_does_not_say_who_gave_it_changes_nothing(board: Board) -> None:
    tell(board, 0, backend={"region": "east"})
    tell(board, 1)
    assert line(board).served == Served(by="region=east", since_ns=START_NS)


def test_targets_with_thresholds_of_their_own_are_tallied_with_theirs(board: Board) -> None:
    """`under: {target: {a: 100ms, b: 2s}}` is two objectives of one name."""
    plan = page_plan(info("a"), info("b"))
    own = dataclasses.replace(QUICK, threshold_s=0.1, slos=("a-chat-quick",))
    board.plan(
        dataclasses.replace(plan, objectives=(own, dataclasses.replace(QUICK, slos=("b-chat-quick",))))
    )
    board.show((status("a", objective=QUICK, state="bad"), status("b", objective=QUICK)))
    assert [(one.objective.threshold_s, one.good, one.bad) for one in board.page(NOW_NS).objectives] == [
        (0.1, 0, 1),
        (2.0, 1, 0),
    ]
