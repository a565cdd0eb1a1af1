"""Over which spans an objective is counted at an instant, and how much its whole period holds."""

from agent.slo import calendars, windows
from agent.slo.objective import Objective
from storage.rolling import CLOSING_NS, MINUTE_NS

Span = tuple[int, int]
"""[since, until) in UTC nanoseconds."""


def period(objective: Objective, until_ns: int) -> Span:
    """Return the period up to an instant: the calendar's whole window that what came last lies in, else the rolling one.

    A month that ends at the instant is the month before, and whole.

    >>> week = Objective(name="a", sli="availability", ratio=0.99, window_s=7 * 86400, pairs=())
    >>> period(week, 10**18) == (10**18 - 7 * 86400 * 10**9, 10**18)
    True
    """
    if objective.calendar is not None:
        return calendars.containing(objective.calendar, until_ns - 1)
    return until_ns - round(objective.window_s * 1e9), until_ns


def counted(objective: Objective, now_ns: int) -> dict[str, Span]:
    """Return what an evaluation counts over, by name: the burn windows, which roll, and the period up to now.

    >>> from agent.slo.calendars import Calendar
    >>> month = Objective(
    ...     name="a", sli="availability", ratio=0.99, window_s=30 * 86400, pairs=(), calendar=Calendar("month")
    ... )
    >>> spans = counted(month, 1_800_000_000 * 10**9)
    >>> list(spans), (spans["month"][1] - spans["month"][0]) // (86400 * 10**9)
    (['5m', '30m', '1h', '2h', '6h', '1d', '3d', 'month'], 14)
    """
    burns = windows.lengths_s()
    if objective.slices is not None:
        # A slice that is not over may be good or bad yet: all windows end with the last one that is.
        now_ns -= now_ns % objective.slices.length_ns
        burns = tuple(length for length in burns if length >= objective.slices.length_s)
    lengths = windows.named(burns if objective.calendar else (*burns, objective.window_s))
    # Slices lie where they lie.
    begin = begin_ns if objective.slices is None else _exactly
    rolling = {name: (begin(now_ns, length), now_ns) for name, length in lengths.items()}
    if objective.calendar is None:
        return rolling
    return rolling | {objective.period: (period(objective, now_ns)[0], now_ns)}


def begin_ns(now_ns: int, length_s: float) -> int:
    """Return where a window begins that ends now: at a whole minute, as hours are counted by the minute.

    The shortest one begins on the nanosecond: so near to now rows are asked, and a minute more or less is a fifth.

    >>> begin_ns(150_000_000_001, 30.0), begin_ns(7290_000_000_001, 7200.0)
    (120000000001, 60000000000)
    """
    begin = _exactly(now_ns, length_s)
    return begin if round(length_s * 1e9) <= CLOSING_NS else begin // MINUTE_NS * MINUTE_NS


def reach_ns(length_s: float, slice_s: float = 0.0) -> int:
    """Return how old an event may be that a window still holds: it begins at a whole minute, or ends with a whole slice.

    >>> [reach_ns(length_s) // 10**9 for length_s in (300.0, 1800.0)], reach_ns(1800.0, 300.0) // 10**9
    ([300, 1860], 2100)
    """
    length_ns = round(length_s * 1e9)
    if slice_s:
        return length_ns + round(slice_s * 1e9)
    return length_ns + (MINUTE_NS if length_ns > CLOSING_NS else 0)


def _exactly(now_ns: int, length_s: float) -> int:
    return now_ns - round(length_s * 1e9)


def whole(objective: Objective, every_ns: float, until_ns: int) -> int | None:
    """Return how many events or slices the whole period holds, those to come among them; None for events that roll.

    A calendar's budget is known on its first day: a March of 743 hours at 30 s allows 89 of 89,160 at 99.9 %.

    >>> from agent.slo.calendars import Calendar
    >>> month = Objective(
    ...     name="a", sli="availability", ratio=0.999, window_s=30 * 86400, pairs=(),
    ...     calendar=Calendar("month", "Europe/Berlin"),
    ... )
    >>> whole(month, 30 * 10**9, 1_773_500_000 * 10**9)
    89160
    """
    since_ns, end_ns = period(objective, until_ns)
    if objective.slices is not None:
        return len(objective.slices.within(since_ns, end_ns))
    if objective.calendar is None:
        return None
    return round((end_ns - since_ns) / every_ns)
