"""One truth, two engines: the generated rules over scraped counters judge as the agent does over stored rows."""

import itertools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ruamel.yaml import YAML
from sqlalchemy import Engine

from agent.slo import outages
from agent.slo.alerts import HOLD_NS
from agent.slo.burning import burning
from agent.slo.conditions import conditions
from agent.slo.evaluate import budgeted, denominator
from agent.slo.findings import service_conditions
from agent.slo.impact import impact
from agent.slo.objective import Objective
from agent.slo.service import Member, Service
from agent.slo.slices import Slices
from agent.telling.ruling import specs
from agent.telling.storing import tell_all
from agent.telling.watch import Look, looks_of, members_of, series_of
from exporters import conventions as names
from exporters import durations
from exporters.rules import render
from probes.result import Fault, Outcome
from storage.history import PostgresHistory
from storage.results import PostgresStore
from support import told
from support.llm import free_port
from support.prometheus import archive, needs_prometheus, promtool
from support.replays import HOUR_S, Day, Phase, Story, scraped, stood

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(1200), needs_prometheus]

EVERY_S = 120
"""How often both engines are asked."""

BEHIND_S = 120
"""Counters move when a failure is settled (a minute where the asker never does it) and are scraped every 30 s."""

SLICES_BEHIND = 1.5
"""A slice counts a minute after its end, and a window ends with the scrape: it may hold one more, or one less."""

OUTAGES = (Phase(begins_h=23.0, hours=0.5, confirmed=True), Phase(begins_h=25.0, hours=0.1, confirmed=True))
"""Of all targets at once: the service is down."""

STORIES = (
    Story(
        target="struck",
        phases=(
            Phase(begins_h=3.0, hours=0.009),  # one lone failure
            Phase(begins_h=5.0, hours=0.4),
            Phase(begins_h=12.0, hours=0.2, chance=0.5, outcome=Outcome.CONNECT_TIMEOUT),
            Phase(begins_h=17.4, hours=1.0),  # under way when the agent comes back
            *OUTAGES,
        ),
    ),
    Story(
        target="worn",
        phases=(
            Phase(begins_h=1.0, hours=5.0, chance=0.05),
            Phase(begins_h=8.0, hours=2.0, outcome=Outcome.THROTTLED),
            Phase(begins_h=10.0, hours=0.3, fault=None),  # which nobody settles
            Phase(begins_h=17.6, hours=4.0, chance=0.05),
            *OUTAGES,
        ),
    ),
    Story(
        target="slow",
        phases=(
            Phase(begins_h=2.0, hours=1.0, outcome=Outcome.OK, fields={"ttft_s": 4.0}),
            Phase(
                begins_h=6.0,
                hours=6.0,
                outcome=Outcome.OK,
                chance=0.2,
                fields={"quality_reasons": ("loop_lag",)},
            ),
            Phase(
                begins_h=13.0,
                hours=1.0,
                outcome=Outcome.FIRST_TOKEN_TIMEOUT,
                chance=0.4,
                fields={"ttft_s": None},
            ),
            Phase(begins_h=20.0, hours=0.5, fault=Fault.OURS),
            *OUTAGES,
        ),
    ),
)
MEMBERS = tuple(
    Member(target=story.target, probe="chat", cloud=story.target, region=None, every_s=30.0)
    for story in STORIES
)
SERVICE = Service(name="nano", members=MEMBERS, ratio=0.999, window_s=28 * 86400.0)
DAY = Day(
    config=told.configuration(
        *(story.target for story in STORIES),
        services=(SERVICE,),
        objectives=(
            *told.configuration(*(story.target for story in STORIES)).objectives,
            Objective(
                name="clouds",
                sli="availability",
                ratio=0.9995,
                window_s=28 * 86400.0,
                pairs=tuple(member.pair for member in MEMBERS),
                per=(),
            ),
            Objective(
                name="steady",
                sli="availability",
                ratio=0.99,
                window_s=14 * 86400.0,
                pairs=(("struck", "chat"),),
                slices=Slices(300.0, 0.95),
            ),
        ),
    ),
    stories=STORIES,
    hours=26.0,
    away_h=((14.5, 17.5),),
)


class Judgement(NamedTuple):
    """An SLO by its id, and whether it is about what would page (the fast windows) or ticket."""

    slo: str
    severity: str


class Share(NamedTuple):
    """An error ratio, of how many events or slices, and how many the counters may be behind; Prometheus tells the ratio alone."""

    ratio: float
    due: int = 0
    behind: float = 2 * BEHIND_S / 30


class Heard(NamedTuple):
    """At which instants (unix seconds) conditions hold, and the error ratio of each SLO's windows by instant."""

    holds: dict[Judgement, set[int]]
    shares: dict[tuple[str, str], dict[int, Share]]


Journal = Sequence[tuple[int, Any]]


def instants() -> range:
    begin = told.START_NS // told.SECOND_NS
    return range(begin + 3600, begin + int(DAY.hours * HOUR_S) - EVERY_S, EVERY_S)


def by_the_agent(database: Engine, folder: Path, journal: Journal) -> Heard:
    """Store the journal as the teller does, and look at history as it would have at each instant."""
    store = PostgresStore(database, now_ns=lambda: told.START_NS)
    tell_all((told.record(seq, message) for seq, (_, message) in enumerate(journal, 1)), store)
    history = PostgresHistory(database)
    heard, down = Heard({}, {}), outages_seen(journal, folder)
    for at_s in instants():
        looks = looks_of(DAY.config, history, at_s * told.SECOND_NS)
        for look in looks:
            _judge(heard, look, at_s)
        pooled = series_of(members_of(DAY.config, history, looks, at_s * told.SECOND_NS))
        for condition in service_conditions(SERVICE):
            held = heard.holds.setdefault(Judgement("nano-service", condition.window.severity), set())
            series = [pooled[member.pair] for member in MEMBERS]
            last = down.get(at_s, {}).get(SERVICE.name)
            told_already = last is not None and last.explains(
                condition, SERVICE, series, at_s * told.SECOND_NS, HOLD_NS
            )
            if burning(condition, SERVICE.ratio, series) and not told_already:
                held.add(at_s)
    return heard


def outages_seen(journal: Journal, folder: Path) -> dict[int, outages.Outages]:
    """Return the last outage of each service as the agent remembers it, by instant; all of these page at once."""
    found: dict[int, outages.Outages] = {}
    known: outages.Outages = {}
    for at_ns, standings in stood(DAY, journal, folder):
        under = {SERVICE.name: impact(SERVICE, standings, at_ns)}
        known = outages.after(known, under, {SERVICE.name}, at_ns)
        found[at_ns // told.SECOND_NS] = known
    return found


def _judge(heard: Heard, look: Look, at_s: int) -> None:
    objective, slo, windows = look.slo.objective, look.slo.key.id, look.spent().judged
    for condition in conditions(objective.ratio, objective.window_s, look.slo.every_ns / 1e9)[0]:
        held = heard.holds.setdefault(Judgement(slo, condition.window.severity), set())
        if burning(condition, objective.ratio, [windows]):
            held.add(at_s)
    for name, window in windows.items():
        counts, whole = window.counts, name == durations.write(objective.window_s)
        budget = budgeted(objective, counts, look.slo.every_ns, at_s * told.SECOND_NS)
        if due := budget.valid if whole else denominator(counts, window.expected):
            share = Share(counts.bad / due, due)
            heard.shares.setdefault((slo, name), {})[at_s] = (
                share._replace(behind=SLICES_BEHIND) if objective.slices else share
            )


def by_prometheus(folder: Path, journal: Journal) -> Heard:
    """Give a Prometheus what it would have scraped, have it record what the rules say, and ask the alerts' own queries."""
    rules = render(specs(DAY.config))
    (folder / "generated.yaml").write_text(rules)
    wanted = (f"{names.PREFIX}sli_", names.SLO_SLICES.name, names.TARGET_STATE.name)
    lines = scraped(DAY, journal, folder, lambda line: line.startswith(wanted))
    (folder / "scraped.txt").write_text("\n".join([*lines, "# EOF", ""]))
    promtool("tsdb", "create-blocks-from", "openmetrics", "scraped.txt", "data", cwd=folder)
    since, until, port = instants()[0], instants()[-1], free_port()
    with archive(folder, port):
        asked = (
            f"--start={since}",
            f"--end={until}",
            f"--eval-interval={EVERY_S}s",
            f"--url=http://127.0.0.1:{port}",
        )
        promtool(
            "tsdb",
            "create-blocks-from",
            "rules",
            *asked,
            "--output-dir=recorded",
            "generated.yaml",
            cwd=folder,
        )
    for block in (folder / "recorded").iterdir():
        block.rename(folder / "data" / block.name)
    heard = Heard({}, {})
    with archive(folder, port) as server:
        for rule in itertools.chain(*(group["rules"] for group in YAML(typ="safe").load(rules)["groups"])):
            labels = rule.get("labels", {})
            if rule.get("alert") == names.BURN_ALERT:
                severity = {"fast": "page", "slow": "ticket"}[labels[names.BURN_TIER]]
                found = server.over(rule["expr"], since, until, EVERY_S)
                heard.holds[Judgement(_slo_of(rule["expr"]), severity)] = set(map(int, found))
            elif rule.get("record", "").startswith(names.SLI_ERROR):
                slo, window = labels[names.SLOTH_ID], labels[names.SLOTH_WINDOW]
                found = server.over(f'{rule["record"]}{{{names.SLOTH_ID}="{slo}"}}', since, until, EVERY_S)
                heard.shares[slo, window] = {int(at_s): Share(values[0]) for at_s, values in found.items()}
    return heard


def _slo_of(expr: str) -> str:
    """Return the SLO whose recorded ratios an alert reads."""
    slo: str
    (slo,) = set(re.findall(f'{names.SLOTH_ID}="([^"]+)"', expr))
    return slo


def begun(held: set[int]) -> int:
    """Return how many alerts these instants come to, each held for ten minutes."""
    ordered = sorted(held)
    return sum(at - before > HOLD_NS // told.SECOND_NS for before, at in itertools.pairwise([0, *ordered]))


def near_a_change(held: set[int]) -> set[int]:
    """Return the instants at which one engine may know already what the other does not know yet."""
    changes = [at for at in instants() if (at in held) != (at - EVERY_S in held)]
    return {at + step for at in changes for step in range(-BEHIND_S, BEHIND_S + EVERY_S, EVERY_S)}


def was_away(at_s: int, window: str) -> bool:
    """Return whether a window holds a part of the agent's absence, of which counters cannot tell what was due."""
    hour = (at_s - told.START_NS // told.SECOND_NS) / HOUR_S
    return any(begins < hour and hour - durations.read(window) / HOUR_S < ends for begins, ends in DAY.away_h)


def test_both_engines_find_the_same(tmp_path: Path, database: Engine) -> None:
    """Outages, blips, half failures, throttling, doubt, our own fault and absence, every other minute of a day."""
    journal = list(DAY.messages(seed=1))
    agent, prometheus = by_the_agent(database, tmp_path, journal), by_prometheus(tmp_path, journal)
    assert agent.holds.keys() == prometheus.holds.keys()
    aside = {one: near_a_change(held) for one, held in agent.holds.items()}
    differ = {one: (held ^ prometheus.holds[one]) - aside[one] for one, held in agent.holds.items()}
    assert not any(differ.values()), differ
    assert sum(map(len, aside.values())) < 0.05 * len(instants()) * len(aside)
    compared = {
        (one.slo.rpartition("-")[2], one.severity) for one, held in agent.holds.items() if held - aside[one]
    }
    assert compared == set(
        itertools.product(("available", "clouds", "quick", "service", "steady"), ("page", "ticket"))
    )
    burns = Judgement("nano-service", "page")
    assert begun(agent.holds[burns]) == begun(prometheus.holds[burns])
    last = told.START_NS // told.SECOND_NS + int(23.0 * HOUR_S)
    assert not [at_s for at_s in agent.holds[burns] | prometheus.holds[burns] if at_s >= last]

    assert agent.shares.keys() <= prometheus.shares.keys()
    compared_shares = [
        (abs(share.ratio - prometheus.shares[slo, window][at_s].ratio), share.behind / share.due)
        for (slo, window), shares in agent.shares.items()
        for at_s, share in shares.items()
        if not was_away(at_s, window) and at_s in prometheus.shares[slo, window]
    ]
    assert len(compared_shares) > 0.5 * sum(map(len, agent.shares.values()))
    assert [off for off in compared_shares if off[0] > off[1]] == []
