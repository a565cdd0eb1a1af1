from hypothesis import given
from hypothesis import strategies as st

from storage.memory import MemoryStore
from storage.readings import PlanRow
from storage.records import Plan, PlanEntry

NAMES = ("a", "b", "c")
entries = st.dictionaries(st.sampled_from(NAMES), st.sampled_from((10, 20)), min_size=0)


def told(at_ns: int, wanted: dict[str, int]) -> Plan:
    listed = tuple(
        PlanEntry(target=name, probe="chat", every_ns=every, phase_ns=0) for name, every in wanted.items()
    )
    return Plan(
        config_hash=str(at_ns),
        vantage="fra-1",
        valid_from_ns=at_ns,
        reason="x",
        entries=listed,
        grace_ns=0,
    )


def holding(rows: list[PlanRow], at_ns: int) -> dict[str, int]:
    """Return what is due at an instant: target -> interval; fails where two rows of one target overlap."""
    held = [
        row
        for row in rows
        if row.valid_from_ns <= at_ns and (row.valid_to_ns is None or at_ns < row.valid_to_ns)
    ]
    found = {row.target: row.every_ns for row in held}
    assert len(found) == len(held)
    return found


def kept(plans: list[Plan]) -> list[PlanRow]:
    store = MemoryStore()
    for plan in plans:
        store.plan(plan)
    return store.plans("fra-1", 0, 1000)


INSTANTS = range(50, 700, 50)


def numbered(wanted: list[dict[str, int]]) -> list[Plan]:
    return [told(100 * (place + 1), entry) for place, entry in enumerate(wanted)]


@given(st.lists(entries, min_size=1, max_size=5), st.lists(st.integers(0, 4), max_size=3))
def test_at_every_instant_the_newest_plan_holds(wanted: list[dict[str, int]], again: list[int]) -> None:
    """Told in their order, as a journal has them, and again from anywhere, as a lost position has them."""
    plans = numbered(wanted)
    rows = kept([*plans, *(plan for start in again for plan in plans[start:])])
    assert holding(rows, 99) == {}
    for place, entry in enumerate(wanted):
        assert holding(rows, 100 * (place + 1)) == entry
        assert holding(rows, 100 * (place + 1) + 99) == entry


@given(st.lists(entries, min_size=1, max_size=5).map(numbered).flatmap(st.permutations))
def test_in_any_order_no_slot_is_due_twice(plans: list[Plan]) -> None:
    """Two agents of one place may tell late: their rows never overlap, and the first told of an instant holds."""
    rows = kept(plans)
    for at_ns in INSTANTS:
        holding(rows, at_ns)


def test_a_late_plan_holds_until_the_next_known_one() -> None:
    """What a teller that was behind tells is put where it belongs, and ends nothing that came after."""
    rows = kept([told(100, {"a": 10}), told(300, {"a": 10, "b": 10}), told(200, {"a": 20})])
    assert [holding(rows, at_ns) for at_ns in (150, 250, 350)] == [{"a": 10}, {"a": 20}, {"a": 10, "b": 10}]


def test_of_two_plans_of_one_instant_the_later_told_holds() -> None:
    """A reload within the resolution of the clock leaves no overlap."""
    rows = kept([told(100, {"a": 10, "b": 10}), told(100, {"a": 20})])
    assert holding(rows, 100) == {"a": 20}
