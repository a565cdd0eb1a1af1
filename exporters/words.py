"""Numbers, durations and instants as people read them; what is not known is a dash, never a zero."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

NOTHING = "-"
SECOND_NS = 1_000_000_000

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def percent(ratio: float | None, digits: int = 1) -> str:
    """Return a ratio in percent, cut and never rounded up: 99.99 % of good is not 100 %.

    >>> percent(0.99999), percent(1.0), percent(0.0), percent(0.5), percent(-33.234, 0), percent(None)
    ('99.9 %', '100 %', '0 %', '50.0 %', '-3,324 %', '-')
    """
    if ratio is None:
        return NOTHING
    if abs(ratio - round(ratio)) < 1e-12:  # exact, but for what arithmetic did to it
        return f"{round(ratio) * 100:,} %"
    # 0.999 is a double a hair under it: what is within a billionth of a digit is that digit.
    scaled = math.floor(ratio * 100 * 10**digits + 1e-9)
    return f"{scaled / 10**digits:,.{digits}f} %"


def digits_of(objective: float) -> int:
    """Return how many decimals a percentage needs to be told from an objective: two more than it has itself.

    >>> digits_of(0.999), digits_of(0.95), digits_of(0.9995)
    (3, 2, 4)
    """
    exponent = Decimal(str(round(objective * 100, 9))).normalize().as_tuple().exponent
    return max(0, -int(exponent)) + 2


def goal(objective: float) -> str:
    """Return an objective as it was written.

    >>> goal(0.999), goal(0.9), goal(0.9995)
    ('99.9 %', '90 %', '99.95 %')
    """
    return f"{Decimal(str(round(objective * 100, 9))).normalize():f} %"


def rate(times: float | None) -> str:
    """Return how many times as fast a budget goes, in three digits or all of them.

    >>> rate(13.44), rate(0.0751), rate(1000.0), rate(None)
    ('13.4', '0.0751', '1,000', '-')
    """
    if times is None:
        return NOTHING
    return f"{times:,.0f}" if times >= 999.5 else f"{times:.3g}"


def duration(seconds: float | None) -> str:
    """Return a duration in its two largest units.

    >>> duration(42), duration(192), duration(3600), duration(100_000), duration(0.25)
    ('42 s', '3 min 12 s', '1 h', '1 d 3 h', '0.25 s')
    """
    if seconds is None:
        return NOTHING
    if 0 < seconds < 1:
        return f"{seconds:g} s"
    rest = round(seconds)
    parts: list[str] = []
    for size, unit in _UNITS:
        count, rest = divmod(rest, size)
        if count or parts:
            parts.append(f"{count} {unit}" if count else "")
        if len(parts) == 2:
            break
    return " ".join(part for part in parts if part) or "0 s"


def latency(seconds: float | None) -> str:
    """Return a latency in three digits.

    >>> latency(0.0421), latency(1.8436), latency(12.34), latency(None)
    ('42 ms', '1.84 s', '12.3 s', '-')
    """
    if seconds is None:
        return NOTHING
    if seconds < 1:
        return f"{seconds * 1e3:.0f} ms"
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"


def instant(at_ns: int, *, seconds: bool = True) -> str:
    """Return UTC nanoseconds as a date and a time; whoever shows it says that it is UTC.

    >>> instant(1_700_000_000_000_000_000), instant(1_700_000_000_000_000_000, seconds=False)
    ('2023-11-14 22:13:20', '2023-11-14 22:13')
    """
    form = "%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M"
    return datetime.fromtimestamp(at_ns // SECOND_NS, UTC).strftime(form)


def ago(at_ns: int | None, now_ns: int) -> str:
    """Return how long ago an instant was; clocks may differ by a little, so the near future is now.

    >>> ago(0, 90 * SECOND_NS), ago(None, 0), ago(SECOND_NS, 0)
    ('1 min 30 s ago', '-', 'now')
    """
    if at_ns is None:
        return NOTHING
    passed = max(0, now_ns - at_ns) // SECOND_NS
    return f"{duration(passed)} ago" if passed else "now"


def lasting(since_ns: int | None, now_ns: int) -> str:
    """Return for how long something has lasted.

    >>> lasting(0, 90 * SECOND_NS), lasting(None, 0)
    ('for 1 min 30 s', '-')
    """
    return NOTHING if since_ns is None else f"for {duration(max(0, now_ns - since_ns) // SECOND_NS)}"


def few(names: Sequence[str], most: int = 5) -> str:
    """Return the first few of some names, and how many more there are.

    >>> few(["a", "b"]), few([*"abcdefg"]), few(["a", "b", "c"], 2)
    ('a, b', 'a, b, c, d, e and 2 more', 'a, b and 1 more')
    """
    more = f" and {count(len(names) - most)} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def count(number: int) -> str:
    """Return a count with its thousands apart.

    >>> count(1234567), count(12)
    ('1,234,567', '12')
    """
    return f"{number:,}"


def usd(amount: float | None) -> str:
    """Return an amount of US dollars, to the cent, or with two figures where it is less than one.

    >>> usd(1234.5), usd(0.00123), usd(0.0), usd(None)
    ('1,234.50 USD', '0.0012 USD', '0.00 USD', '-')
    """
    if amount is None:
        return NOTHING
    if 0 < amount < 0.01:
        return f"{amount:.{1 - math.floor(math.log10(amount))}f} USD"
    return f"{amount:,.2f} USD"


def own_error(errors: Mapping[str, Mapping[str, float]]) -> str:
    """Return our own error by the calibration, by whether over TLS (`no`, `yes`).

    >>> own_error({"no": {"p50": 0.00001, "p99": 0.00002}, "yes": {"p50": 0.00002, "p99": 0.000041}})
    '0.020 ms p99 plain, 0.041 ms p99 TLS'
    >>> own_error({"no": {"p50": 0.0, "p99": 0.0000001}})  # no more than this was seen, which is not nothing
    'under 0.001 ms p99 plain, not known TLS'
    """
    told = {tls: _error(errors[tls]["p99"]) for tls in errors}
    return f"{told.get('no', 'not known')} plain, {told.get('yes', 'not known')} TLS"


def _error(p99_s: float) -> str:
    return "under 0.001 ms p99" if p99_s < 1e-6 else f"{p99_s * 1e3:.3f} ms p99"


def one_line(text: str) -> str:
    r"""Return a foreign text as one line without anything that a terminal would obey.

    >>> one_line("busy\x1b[31m\n later")
    'busy [31m later'
    """
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())
