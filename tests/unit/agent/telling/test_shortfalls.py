"""When a service was under its healthy minimum, by what was stored of its members."""

import itertools
from collections.abc import Sequence

import pytest

from agent.slo import maintenance
from agent.slo.service import Member, Service
from agent.telling.recorded import Classed
from agent.telling.shortfalls import Phase, lasted_s, phases, shortfalls
from probes.result import EventClass, Outcome
from storage.readings import Stretch

EVERY_S, SLOTS = 30, 100
UNTIL_NS = SLOTS * EVERY_S * 10**9


def service(members: int, at_least: int = 1) -> Service:
    return Service(
        name="nano",
        members=tuple(
            Member(target=f"t{nth}", probe="chat", cloud=f"c{nth}", region=None, every_s=float(EVERY_S))
            for nth in range(members)
        ),
        ratio=0.999,
        window_s=86400.0,
        at_least=at_least,
    )


def slot(nth: float) -> int:
    return round(nth * EVERY_S * 10**9)


def seen(
    *bad: int, blips: Sequence[int] = (), silent: Sequence[int] = (), works: Sequence[tuple[int, int]] = ()
) -> Classed:
    """Return a member that was asked from slot 0 to 99: in those of `bad` and `blips` it failed, `silent` were not seen."""
    failed = {nth: nth in bad for nth in sorted({*bad, *blips})}
    kinds = {nth: EventClass.BAD if nth in failed else EventClass.GOOD for nth in range(SLOTS)}
    stretches: list[tuple[Stretch, EventClass]] = []
    for nth, kind in kinds.items():
        if nth in silent:
            continue
        before = stretches[-1] if stretches else None
        if before and before[1] is kind and before[0].last_ns == slot(nth - 1):
            first = before[0].first_ns
            stretches.pop()
        else:
            first = slot(nth)
        outcome = Outcome.OK if kind is EventClass.GOOD else Outcome.OVERLOADED
        stretch = Stretch(
            first_ns=first,
            last_ns=slot(nth),
            slots=(slot(nth) - first) // slot(1) + 1,
            outcome=outcome,
            fault=None,
            error_code=None,
        )
        stretches.append((stretch, kind))
    spans = [maintenance.Span(slot(begin), slot(end)) for begin, end in works]
    return Classed(stretches, [(slot(nth), confirmed) for nth, confirmed in failed.items()], spans)


def stood(one: Service, *members: Classed) -> list[tuple[str, int, int]]:
    return [
        (phase.state, phase.since_ns // slot(1), phase.until_ns // slot(1)) for phase in found(one, *members)
    ]


def found(one: Service, *members: Classed) -> list[Phase]:
    told = {member.pair: what for member, what in zip(one.members, members, strict=True)}
    return phases(one, told, 0, UNTIL_NS)


def test_it_is_under_while_all_of_which_one_is_needed_fail() -> None:
    """From the slot by whose failing too few were left to the first one by which enough were well again."""
    both = found(service(2), seen(*range(10, 20)), seen(*range(14, 30)))
    assert [(one.state, one.since_ns, one.until_ns) for one in both] == [
        ("well", 0, slot(14)),
        ("under", slot(14), slot(20)),
        ("well", slot(20), UNTIL_NS),
    ]
    (told,) = shortfalls(both)
    assert (told.duration_s, told.began, told.ended, told.failing) == (180.0, True, True, ("t0", "t1"))
    assert lasted_s(both, "under") == 180.0


def test_one_of_two_that_fails_is_enough_where_both_are_needed() -> None:
    assert stood(service(2, at_least=2), seen(*range(10, 20)), seen()) == [
        ("well", 0, 10),
        ("under", 10, 20),
        ("well", 20, 100),
    ]


def test_a_blip_is_no_outage() -> None:
    assert stood(service(1), seen(blips=[10])) == [("well", 0, 100)]


def test_of_what_was_not_seen_for_long_nothing_is_known() -> None:
    """Eleven missing slots are longer than five minutes; nine are not, and what was so before goes on."""
    assert stood(service(1), seen(silent=range(50, 61))) == [
        ("well", 0, 50),
        ("unknown", 50, 61),
        ("well", 61, 100),
    ]
    assert stood(service(1), seen(silent=range(50, 59))) == [("well", 0, 100)]


def test_an_outage_whose_end_nobody_saw_ends_where_it_was_seen_last() -> None:
    """Nor is it known that it was well before the first slot of the week, which failed."""
    told = found(service(1), seen(*range(10), silent=range(10, 50)))
    assert [(one.state, one.until_ns // slot(1)) for one in told] == [
        ("under", 10),
        ("unknown", 50),
        ("well", 100),
    ]
    (one,) = shortfalls(told)
    assert (one.began, one.ended, one.start_ns, one.end_ns) == (False, False, 0, slot(10))


def test_what_nobody_knows_of_a_member_speaks_neither_for_nor_against_its_service() -> None:
    """The other one is well; once that fails too, nobody is seen to serve."""
    assert stood(service(2), seen(*range(70, 80)), seen(silent=range(100))) == [
        ("well", 0, 70),
        ("under", 70, 80),
        ("well", 80, 100),
    ]
    assert stood(service(3, at_least=2), seen(*range(70, 80)), seen(), seen(silent=range(100))) == [
        ("well", 0, 70),
        ("unknown", 70, 80),
        ("well", 80, 100),
    ]


def test_a_member_in_maintenance_is_none_and_with_too_few_left_nothing_is_judged() -> None:
    work = seen(works=[(10, 40)])
    assert stood(service(2), work, seen(*range(20, 30))) == [
        ("well", 0, 20),
        ("under", 20, 30),
        ("well", 30, 100),
    ]
    assert stood(service(2, at_least=2), work, seen(*range(20, 30))) == [
        ("well", 0, 10),
        ("unjudged", 10, 40),
        ("well", 40, 100),
    ]


def test_the_longest_comes_first() -> None:
    told = shortfalls(found(service(1), seen(*range(5, 8), *range(20, 40), 60)))
    assert [one.start_ns // slot(1) for one in told] == [20, 5, 60]


@pytest.mark.parametrize("members", [1, 4])
def test_the_whole_time_is_told_of(members: int) -> None:
    told = found(
        service(members), *(seen(*range(nth, 100, 7), silent=range(40, 60)) for nth in range(members))
    )
    assert (told[0].since_ns, told[-1].until_ns) == (0, UNTIL_NS)
    assert all(one.until_ns == after.since_ns for one, after in itertools.pairwise(told))
