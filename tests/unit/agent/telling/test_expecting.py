import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agent.telling.expecting import Expecting
from storage.records import Beat, Plan
from support.told import EVERY_NS, SECOND_NS, START_NS, beat, plan


def fold(expecting: Expecting, *messages: Any) -> dict[str, int]:
    """Return target -> slots that became due."""
    due: dict[str, int] = {}
    for message in messages:
        if isinstance(message, Plan):
            expecting.plan(message)
        else:
            for each in expecting.beat(message):
                due[each.target] = due.get(each.target, 0) + each.slots
    return due


def test_a_slot_is_due_once_a_beat_is_later_than_the_grace_after_it() -> None:
    expecting = Expecting()
    assert fold(expecting, plan(), beat(40)) == {}
    assert fold(expecting, beat(40.1)) == {"openai": 1}
    assert fold(expecting, beat(50), beat(70.1)) == {"openai": 1}


def test_the_slots_of_the_askers_absence_are_due_when_beats_go_on() -> None:
    """10 minutes of silence at 30 s are 20 slots, however often the new asker repeats the plan."""
    expecting = Expecting()
    fold(expecting, plan(), beat(41))
    again = plan(valid_from_ns=START_NS + 640 * SECOND_NS)
    assert fold(expecting, again, beat(641, boot="b")) == {"openai": 20}


def test_a_plan_repeated_at_the_head_of_a_segment_changes_nothing() -> None:
    expecting = Expecting()
    due = fold(expecting, plan(), beat(71), plan(snapshot=True), beat(101), plan(snapshot=True), beat(131))
    assert due == {"openai": 4}


def test_a_target_that_left_owes_its_slots_up_to_the_change() -> None:
    changed = plan(targets=("other",), valid_from_ns=START_NS + 60 * SECOND_NS)
    assert fold(Expecting(), plan(), changed, beat(61), beat(1000)) == {"openai": 2, "other": 30}


def test_a_new_interval_holds_from_its_instant_on() -> None:
    changed = plan(every_ns=10 * SECOND_NS, valid_from_ns=START_NS + 60 * SECOND_NS)
    assert fold(Expecting(), plan(), beat(50), changed, beat(160.1)) == {"openai": 2 + 7}


def test_where_the_journals_beginning_is_gone_counting_begins_at_the_first_beat() -> None:
    """The repeated plan holds since long ago, but nobody has the results of that time."""
    expecting = Expecting()
    assert fold(expecting, plan(snapshot=True), beat(6000)) == {}
    assert fold(expecting, beat(6100.1)) == {"openai": 3}


def test_a_clock_that_steps_back_makes_nothing_due_twice() -> None:
    assert fold(Expecting(), plan(), beat(1000), beat(500), beat(1000), beat(1030)) == {"openai": 33}


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=20), st.data())
def test_the_count_depends_on_the_last_beat_alone(instants: list[int], data: st.DataObject) -> None:
    """Whatever beats came between, wherever a snapshot was taken."""
    beats: list[Beat] = [beat(seconds) for seconds in sorted(instants)]
    straight = fold(Expecting(), plan(), beats[-1])
    cut = data.draw(st.integers(0, len(beats)))
    first, second = Expecting(), Expecting()
    due = fold(first, plan(), *beats[:cut])
    second.restore(json.loads(json.dumps(first.snapshot())))
    for target, slots in fold(second, *beats[cut:]).items():
        due[target] = due.get(target, 0) + slots
    assert due == straight
    assert straight.get("openai", 0) == max(0, -(-(max(instants) * SECOND_NS - 40 * SECOND_NS) // EVERY_NS))
