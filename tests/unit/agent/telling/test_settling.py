import json
from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agent.telling.settling import Final, Settling
from probes.result import Fault, Outcome, ProbeResult, ended_ns
from storage.records import Settled
from support.told import EVERY_NS, START_NS, beat, plan, result, settled

BAD = Outcome.SERVER_ERROR


def fold(settling: Settling, *messages: Any, after: int = 0) -> list[Final]:
    return [final for seq, message in enumerate(messages, after + 1) for final in settling.fold(seq, message)]


def test_an_outcome_without_confirmation_is_final_at_once() -> None:
    for outcome in (Outcome.OK, Outcome.THROTTLED, Outcome.CONFIG, Outcome.MISMATCH):
        (final,) = fold(Settling(), result(0, outcome))
        assert final.verdict is None
        assert final.fault is Fault.NONE
        assert not final.confirmed


def test_a_failure_is_final_at_its_settled_record() -> None:
    settling = Settling()
    assert fold(settling, result(0, BAD)) == []
    assert settling.oldest_pending == 1
    (final,) = fold(settling, settled(0, Fault.OURS), after=1)
    assert final == Final(result(0, BAD), settled(0, Fault.OURS))
    assert settling.oldest_pending is None


def test_confirmations_and_manual_attempts_are_never_final() -> None:
    assert fold(Settling(), result(attempt=1), result(attempt=-1), result(0, BAD, attempt=2)) == []


def test_beats_of_the_same_process_leave_a_failure_its_sixty_seconds() -> None:
    settling = Settling()
    assert fold(settling, result(0, BAD), beat(2), beat(60.9)) == []
    (final,) = fold(settling, beat(61), after=3)
    assert final.ours
    assert final.fault is Fault.UNDETERMINED
    assert final.verdict == Settled(
        slot=result().key, fault=Fault.UNDETERMINED, settled_ns=START_NS + 61_000_000_000
    )


def test_a_plan_with_a_longer_grace_gives_a_failure_longer() -> None:
    """With `first_token: 60s` the asker itself settles after 75 s."""
    settling = Settling()
    assert fold(settling, plan(grace_ns=120_000_000_000), result(0, BAD), beat(100)) == []
    assert len(fold(settling, beat(120), after=3)) == 1


def test_a_failure_of_a_process_that_is_gone_is_settled_at_the_next_ones_first_beat() -> None:
    settling = Settling()
    assert fold(settling, beat(0), result(0, BAD), beat(2)) == []
    (final,) = fold(settling, beat(4, boot="b"), after=3)
    assert final.ours


def test_a_failure_before_the_first_beat_ever_heard_is_given_its_sixty_seconds() -> None:
    """A fold begun in the middle of a journal cannot tell whether the asker was restarted."""
    settling = Settling()
    assert fold(settling, result(0, BAD), beat(2, boot="b"), beat(4, boot="b")) == []
    (final,) = fold(settling, settled(0), after=3)
    assert not final.ours


def test_a_settlement_that_comes_too_late_changes_nothing() -> None:
    assert len(fold(Settling(), result(0, BAD), beat(61), settled(0))) == 1


def test_a_slot_asked_twice_is_settled_once() -> None:
    """The wall clock stepped back, and the schedule came by the slot again."""
    assert len(fold(Settling(), result(0), result(0), result(0, BAD), settled(0))) == 1


def test_a_slot_asked_again_says_how_its_target_stands_now_to_who_wants_it_and_counts_no_more() -> None:
    settling = Settling(repeats=True)
    finals = fold(settling, result(0), result(1), result(0, BAD), settled(0), result(2))
    assert [(final.again, final.fault) for final in finals] == [
        (False, Fault.NONE),
        (False, Fault.NONE),
        (True, Fault.NOT_OURS),
        (False, Fault.NONE),
    ]
    assert settling.snapshot()["settled"][0][-1] == [START_NS + slot * EVERY_NS for slot in range(3)]


def test_a_settlement_without_its_result_is_no_judgement() -> None:
    assert fold(Settling(), settled(0)) == []


def test_a_series_that_is_asked_no_more_is_forgotten() -> None:
    settling = Settling()
    fold(settling, result(0), plan(targets=("other",)))
    assert settling.snapshot()["settled"] == []


def test_an_attempt_ends_with_its_last_mark() -> None:
    assert ended_ns(result(marks=(("sent", 5), ("end", 2_000_000_000)))) == START_NS + 2_000_000_000
    assert ended_ns(result(total_s=None)) == START_NS


OUTCOMES = st.sampled_from([Outcome.OK, Outcome.THROTTLED, BAD, Outcome.FIRST_TOKEN_TIMEOUT])


@st.composite
def journals(draw: st.DrawFn) -> list[Any]:
    """Draw a journal: 1-8 slots, their settlements anywhere behind them or nowhere, beats, restarts."""
    messages: list[tuple[float, Any]] = []
    for slot in range(draw(st.integers(1, 8))):
        one = result(slot, draw(OUTCOMES))
        at = slot * 30.0 + draw(st.floats(0, 40))
        messages += [(at, one)] * draw(st.integers(1, 2))
        if one.meaning.confirm and draw(st.booleans()):
            messages.append((at + draw(st.floats(0, 200)), settled(slot)))
    boots = draw(st.lists(st.integers(0, 300), max_size=3))
    for seconds in range(0, 306, 6):
        boot = sum(seconds >= start for start in boots)
        messages.append((float(seconds), beat(seconds, boot=str(boot))))
    messages.sort(key=lambda message: message[0])
    return [message for _, message in messages] + [beat(100_000, boot="end")]


def slots(finals: list[Final]) -> Counter[int]:
    return Counter((final.result.scheduled_ns - START_NS) // EVERY_NS for final in finals)


@given(journals())
def test_each_scheduled_slot_is_settled_exactly_once(journal: list[Any]) -> None:
    finals = fold(Settling(), *journal)
    asked = {(one.scheduled_ns - START_NS) // EVERY_NS for one in journal if isinstance(one, ProbeResult)}
    assert slots(finals) == dict.fromkeys(asked, 1)


@given(journals(), st.data())
def test_a_fold_restored_from_its_snapshot_goes_on_as_if_nothing_had_been(
    journal: list[Any], data: st.DataObject
) -> None:
    whole = fold(Settling(), *journal)
    cut = data.draw(st.integers(0, len(journal)))
    first, second = Settling(), Settling()
    before = fold(first, *journal[:cut])
    second.restore(json.loads(json.dumps(first.snapshot())))
    assert before + fold(second, *journal[cut:], after=cut) == whole


@given(journals(), st.data())
def test_a_fold_begun_anew_at_the_oldest_pending_record_misses_no_verdict(
    journal: list[Any], data: st.DataObject
) -> None:
    """What a reader without a snapshot relies on: it sees some finals again, and none never."""
    cut = data.draw(st.integers(0, len(journal)))
    first = Settling()
    finals = fold(first, *journal[:cut])
    again = cut if first.oldest_pending is None else first.oldest_pending - 1
    finals += fold(Settling(), *journal[again:], after=again)
    assert set(slots(finals)) == set(slots(fold(Settling(), *journal)))
