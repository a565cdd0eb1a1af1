"""What the in-memory twin says of a whole period: the same as storage/periods.py, from results at hand."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from probes.result import ANSWERED, Fault, Outcome, ProbeResult
from storage.readings import Spend, Spread, Stretch, Timing


def stretches(slots: Iterable[tuple[ProbeResult, Fault | None]], hole_ns: int) -> list[Stretch]:
    found: list[Stretch] = []
    for result, fault in sorted(slots, key=lambda slot: slot[0].scheduled_ns):
        alike = (result.outcome, fault if result.meaning.confirm else None, result.error_code)
        before = found[-1] if found else None
        if before and alike == _alike(before) and result.scheduled_ns - before.last_ns <= hole_ns:
            found[-1] = _stretch(before.first_ns, result.scheduled_ns, before.slots + 1, alike)
        else:
            found.append(_stretch(result.scheduled_ns, result.scheduled_ns, 1, alike))
    return found


def _alike(one: Stretch) -> tuple[Outcome, Fault | None, str | None]:
    return one.outcome, one.fault, one.error_code


def _stretch(
    first_ns: int, last_ns: int, slots: int, alike: tuple[Outcome, Fault | None, str | None]
) -> Stretch:
    outcome, fault, code = alike
    return Stretch(
        first_ns=first_ns, last_ns=last_ns, slots=slots, outcome=outcome, fault=fault, error_code=code
    )


def timings(results: Iterable[ProbeResult]) -> list[Timing]:
    grouped: dict[tuple[str, str, str], list[ProbeResult]] = defaultdict(list)
    for result in results:
        grouped[result.target, result.probe, result.kind].append(result)
    return [
        Timing(
            target=target,
            probe=probe,
            kind=kind,
            slots=len(theirs),
            untrusted=sum(not one.trusted for one in theirs),
            doubts=dict(sorted(Counter(reason for one in theirs for reason in one.quality_reasons).items())),
            ttft=_spread(one.ttft_s for one in theirs if one.trusted),
            total=_spread(one.total_s for one in theirs if one.trusted and one.outcome in ANSWERED),
            tokens_per_s=_median(one.tokens_per_s for one in theirs if one.trusted),
            per_500=_spread(_per_500(one) for one in theirs if one.trusted),
        )
        for (target, probe, kind), theirs in sorted(grouped.items())
    ]


def _median(figures: Iterable[float | None]) -> float | None:
    samples = sorted(one for one in figures if one is not None)
    return round(percentile(samples, 0.5), 9) if samples else None


def _per_500(result: ProbeResult) -> float | None:
    if result.ttft_s is None or not result.tokens_per_s:
        return None
    return result.ttft_s + 500 / result.tokens_per_s


def _spread(seconds: Iterable[float | None]) -> Spread | None:
    samples = sorted(one for one in seconds if one is not None)
    if not samples:
        return None
    p50_s, p95_s, p99_s = (round(percentile(samples, share), 9) for share in (0.5, 0.95, 0.99))
    return Spread(samples=len(samples), p50_s=p50_s, p95_s=p95_s, p99_s=p99_s)


def percentile(samples: Sequence[float], share: float) -> float:
    """Return a percentile of sorted samples as SQL's percentile_cont: between two of them in proportion.

    >>> percentile([1.0, 2.0, 4.0], 0.5), percentile([1.0, 2.0, 4.0], 0.75), percentile([1.0], 0.99)
    (2.0, 3.0, 1.0)
    """
    place = share * (len(samples) - 1)
    low, high = samples[int(place)], samples[min(int(place) + 1, len(samples) - 1)]
    return low + (high - low) * (place - int(place))


def spends(results: Iterable[ProbeResult]) -> list[Spend]:
    def key(result: ProbeResult) -> tuple[str, str]:
        return result.target, result.price_source or ""

    found = []
    for (target, source), group in itertools.groupby(sorted(results, key=key), key):
        theirs = list(group)
        costs = [one.cost_usd for one in theirs if one.cost_usd is not None]
        found.append(
            Spend(
                target=target,
                price_source=source or None,
                attempts=len(theirs),
                input_tokens=sum(one.input_tokens or 0 for one in theirs),
                output_tokens=sum(one.output_tokens or 0 for one in theirs),
                cost_usd=round(sum(costs), 9) if costs else None,
                unpriced=sum(
                    one.cost_usd is None and (one.input_tokens is not None or one.output_tokens is not None)
                    for one in theirs
                ),
            )
        )
    return found
