"""What of a question counted hours can answer, and what an hour of rows comes to minute by minute."""

import functools
import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from probes.result import MEANING, EventClass
from storage.counting import Facts, Pair, Plan, Rule, kind_of

MINUTE_NS = 60_000_000_000
HOUR_NS = 60 * MINUTE_NS

CLOSING_NS = 5 * MINUTE_NS
"""An hour is counted so long after its end: nearly all of it is settled by then (23 s after a failure, 85 s where the
asker restarts), and what is not is counted again. What is younger is always told from rows."""

_COUNTED = 1
"""To be raised when probes/events.py or storage/counting.py come to count the same rows otherwise."""

_MEANING = hashlib.blake2b(
    json.dumps(
        [_COUNTED, [[outcome, meaning.availability, meaning.confirm] for outcome, meaning in MEANING.items()]]
    ).encode(),
    digest_size=6,
).hexdigest()

Span = tuple[int, int]
"""[since, until) in UTC nanoseconds."""


@functools.lru_cache(maxsize=4096)
def text_of(rule: Rule) -> str:
    """Return a rule as its series name it, with a digest of what outcomes mean: another release may count otherwise."""
    said = {field: value for field, value in rule._asdict().items() if value not in (None, ())}
    return json.dumps({"by": _MEANING, **said}, sort_keys=True, separators=(",", ":"))


@functools.lru_cache(maxsize=4096)
def rule_from(text: str) -> Rule | None:
    """Return the rule of a text; None where a release that counts otherwise wrote it.

    >>> rule = Rule("ttft", 2_000_000, EventClass.EXCLUDED)
    >>> rule_from(text_of(rule)) == rule, rule_from('{"by":"another","sli":"ttft"}')
    (True, None)
    """
    said = json.loads(text)
    if said.pop("by") != _MEANING:
        return None
    return Rule(
        **dict.fromkeys(Rule._fields)
        | Rule._field_defaults
        | said
        | {"throttled": EventClass(said["throttled"]), "served_in": tuple(said.get("served_in", ()))}
    )


class Split(NamedTuple):
    """A question in two parts: what counted hours answer, whole minutes, and the spans that only rows can tell."""

    counted: Span | None
    rows: tuple[Span, ...]


@functools.lru_cache(maxsize=1024)  # pairs by the hundred are asked over the same windows
def split(asked: Span, counted: Span, stale: frozenset[int] = frozenset()) -> Split:
    """Part a question by the hours that are counted; `stale` are the begins of those that are not to be believed.

    From 00:00:30 to 02:10, with all up to 02:00 counted: 119 minutes of them, half a minute before and ten behind.

    >>> minute = MINUTE_NS
    >>> found = split((minute // 2, 130 * minute), (0, 2 * HOUR_NS))
    >>> found.counted == (minute, 120 * minute)
    True
    >>> [(since / minute, until / minute) for since, until in found.rows]
    [(0.5, 1.0), (120.0, 130.0)]
    """
    since, until = max(asked[0], counted[0]), min(asked[1], counted[1])
    since, until = -(-since // MINUTE_NS) * MINUTE_NS, until // MINUTE_NS * MINUTE_NS
    if since >= until:
        return Split(None, (asked,) if asked[0] < asked[1] else ())
    hours = ((max(hour, since), min(hour + HOUR_NS, until)) for hour in sorted(stale))
    spans = ((asked[0], since), *hours, (until, asked[1]))
    return Split((since, until), tuple((first, last) for first, last in spans if first < last))


class Alike(NamedTuple):
    """Rows that are alike, of one pair and hour: how many in which minutes. The fact's own segment says nothing."""

    fact: Facts
    hour: int
    minutes: Sequence[int]
    rows: Sequence[int]


Minutes = Mapping[EventClass, Sequence[int]]
"""Sixty figures for each class that was seen."""


def by_minute(
    plan: Plan, rules: Mapping[Pair, Collection[Rule]], found: Iterable[Alike]
) -> dict[tuple[Pair, Rule, int], Minutes]:
    """Return what each rule counted of each pair in each hour; what came to nothing is not in it."""
    counted: dict[tuple[Pair, Rule, int], dict[EventClass, list[int]]] = defaultdict(dict)
    for alike in found:
        pair = alike.fact.pair
        for rule in rules[pair]:
            kind = kind_of(plan, alike.fact, rule)
            if kind is None:
                continue
            figures = counted[pair, rule, alike.hour].setdefault(kind, [0] * 60)
            for minute, rows in zip(alike.minutes, alike.rows, strict=True):
                figures[minute] += rows
    return dict(counted)
