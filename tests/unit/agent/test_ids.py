from agent.ids import uuid7
from support.clock import FakeClock


def test_an_id_is_a_version_7_uuid_that_begins_with_its_millisecond() -> None:
    clock = FakeClock()
    made = uuid7(clock)
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert made.int >> 80 == clock.wall_ns() // 1_000_000


def test_ids_sort_by_time_and_differ_within_a_millisecond() -> None:
    clock = FakeClock()
    first, twin = uuid7(clock), uuid7(clock)
    clock.advance(0.001)
    assert first != twin
    assert max(first, twin) < uuid7(clock)


def test_the_tail_is_the_given_entropy() -> None:
    clock = FakeClock()
    assert uuid7(clock, lambda size: b"\xff" * size).hex[12:] == "7fffbfffffffffffffff"
    assert uuid7(clock, bytes).hex[12:] == "70008000000000000000"
