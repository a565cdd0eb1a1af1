"""The weekly report's sentences: its head, what was kept and what was not, what must not be overlooked."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence

from exporters import words
from exporters.weeks import Revision, ServiceWeek, Share, SloWeek, WeeklyReport

SHOWN = 50
"""Incidents and gaps that a table shows, the longest; the JSON has them all."""

NAMED = 6
"""SLOs that a sentence names before it counts the rest."""

STATES = {"good": "kept", "bad": "not kept", "unknown": "unknown"}


def title(report: WeeklyReport) -> str:
    return f"SLO report {report.week}"


def subtitle(report: WeeklyReport) -> str:
    """Return which time and place the report is of, and what made it."""
    return (
        f"{words.instant(report.since_ns, seconds=False)} to {words.instant(report.until_ns, seconds=False)} UTC"
        f"{'' if report.closed else ' (the week is not over)'}, vantage {report.vantage}, plan {report.config_hash}."
        f" Made {words.instant(report.made_ns, seconds=False)} UTC by nephoscope {report.version} from stored rows."
    )


def summary(report: WeeklyReport) -> Iterator[tuple[str, str]]:
    """Yield a line on services where there are any, then three: which objectives were kept, which not, and of which nobody knows."""
    by_state: dict[str, list[SloWeek]] = {state: [] for state in STATES}
    for slo in report.slos:
        by_state[slo.week.state].append(slo)
    kept, broken, unknown = by_state.values()
    if report.services:
        yield "Services", _served(report.services)
    yield "Kept", f"{len(kept)} of {len(report.slos)} objectives{_doubt(kept)}."
    yield "Not kept", _named(broken, _missed)
    yield "Unknown", _named(unknown, _unjudged)


def _doubt(kept: Iterable[SloWeek]) -> str:
    unsure = sum(slo.week.likelihood == "inconclusive" for slo in kept)
    return f" ({unsure} of them inconclusive: so few slots may hide a miss)" if unsure else ""


def _served(services: Sequence[ServiceWeek]) -> str:
    """Return how many services kept what they promise, which did not, and which were under their healthy minimum."""
    kept = [one.slo for one in services if one.slo.week.state == "good"]
    others = [_broken(one.slo) for one in services if one.slo.week.state != "good"]
    under = sorted((one for one in services if one.shortfalls), key=lambda one: -one.under_s)
    said = [f"{len(kept)} of {len(services)} kept{_doubt(kept)}", *others[:NAMED]]
    said += [f"{len(others) - NAMED} more that did not"] * (len(others) > NAMED)
    if under:
        lasted = [f"{one.slo.slo.service} for {words.duration(one.under_s)}" for one in under]
        said.append(f"under their healthy minimum: {words.few(lasted, NAMED)}")
    return f"{'; '.join(said)}."


def _broken(slo: SloWeek) -> str:
    if slo.week.state == "unknown":
        return f"{slo.slo.service} unknown ({judged(slo.week)})"
    return f"{slo.slo.service} not ({_against(slo)})"


def _named(slos: list[SloWeek], tell: Callable[[SloWeek], str]) -> str:
    if not slos:
        return "none."
    more = f"; and {len(slos) - NAMED} more" if len(slos) > NAMED else ""
    return f"{len(slos)}: {'; '.join(tell(slo) for slo in slos[:NAMED])}{more}."


def _missed(slo: SloWeek) -> str:
    return f"{slo.slo.id} ({_against(slo)})"


def _against(slo: SloWeek) -> str:
    """Return what came of an objective that was not kept."""
    sure = ", inconclusive" if slo.week.likelihood == "inconclusive" else ""
    return f"{sli_text(slo, slo.week.sli)} of {words.goal(slo.objective_ratio)}{sure}"


def _unjudged(slo: SloWeek) -> str:
    return f"{slo.slo.id} ({judged(slo.week)})"


def judged(share: Share) -> str:
    """Return why a share is unknown: how much of what was due was judged to count or not to count."""
    if not share.expected:
        return "nothing was due"
    ratio = (share.good + share.bad + share.excluded) / share.expected
    return f"only {words.percent(ratio, 0)} of what was due was judged"


def sli_text(slo: SloWeek, ratio: float | None) -> str:
    return words.percent(ratio, words.digits_of(slo.objective_ratio))


def within(promised: SloWeek | Revision) -> str:
    """Return how quick an answer had to be, with a blank before it; nothing where that is not promised."""
    if promised.at_least_per_s is not None:
        return f" at {promised.at_least_per_s:g} tokens a second or more"
    return f" within {promised.threshold_s:g} s" if promised.threshold_s is not None else ""


def needs(one: ServiceWeek | Revision) -> str:
    """Return how many units have to be well, of how many where that is known.

    >>> needs(Revision(digest="1f", since_ns=0, until_ns=None, objective_ratio=0.99, threshold_s=None, at_least_per_s=None, window="28d", at_least=2, of="cloud"))
    'needs 2 clouds'
    """
    units = f" of its {one.units}" if isinstance(one, ServiceWeek) else ""
    many = (one.units if isinstance(one, ServiceWeek) else one.at_least) != 1
    return f"needs {one.at_least}{units} {one.of}{'s' if many else ''}"


def revision(slo: SloWeek) -> str:
    """Return which revision a week is judged by, with a comma before it; nothing where nobody knows."""
    return f", revision {slo.revisions[-1].digest}" if slo.revisions else ""


def changes(slos: Iterable[SloWeek]) -> Iterator[str]:
    """Yield a sentence for each change of an objective inside the week; alike ones are told once."""
    told: dict[tuple[str, Revision, Revision], list[str]] = {}
    for slo in slos:
        for before, after in itertools.pairwise(slo.revisions):
            told.setdefault((slo.slo.objective, before, after), []).append(slo.slo.service)
    for (name, before, after), targets in told.items():
        whom = targets[0] if len(targets) == 1 else f"{targets[0]} and {len(targets) - 1} more"
        what = f"Objective {name} of {whom}" if after.at_least is None else f"Service {whom}"
        yield (
            f"{what} changed at {words.instant(after.since_ns)} UTC from {_promise(before)} to "
            f"{_promise(after)}: the week is judged by what held at its end."
        )


def _promise(one: Revision) -> str:
    """Return what a revision promised.

    >>> _promise(Revision(digest="1f", since_ns=0, until_ns=None, objective_ratio=0.99, threshold_s=2.0, at_least_per_s=None, window="28d"))
    '99 % within 2 s over 28d (1f)'
    """
    least = "" if one.at_least is None else f", {needs(one)}"
    return f"{words.goal(one.objective_ratio)}{within(one)} over {one.window}{least} ({one.digest})"


def remarks(report: WeeklyReport) -> Iterator[str]:
    """Yield what must not be overlooked above the tables."""
    if report.simulated:
        yield f"SIMULATED: {', '.join(report.simulated)}: what is shown of them is no vendor's doing."
    if not report.closed:
        yield f"The week is not over: all figures are up to {words.instant(report.until_ns)} UTC."
    yield from changes([*(service.slo for service in report.services), *report.slos])
    if (left := len(report.incidents) - SHOWN) > 0:
        yield f"{words.count(left)} shorter incidents are in the JSON alone."
    if (left := sum(len(service.shortfalls) for service in report.services) - SHOWN) > 0:
        yield f"{words.count(left)} shorter times of services under their minimum are in the JSON alone."
    if (left := len(report.gaps) - SHOWN) > 0:
        yield f"{words.count(left)} shorter gaps are in the JSON alone."
