"""Outages as one agent lives through them, on a clock of their own: slots, confirmations, witnesses, beats, and what is told."""

import dataclasses
import itertools
import random
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final

from agent.asking.refusals import Refusals
from agent.config.model import Config, Paging
from agent.slo.service import Member, Service
from agent.telling.alerting import Alerting
from agent.telling.others import Heard, Others, asks
from agent.telling.scene import Health
from agent.telling.settling import Settling
from agent.telling.standings import Standings
from exporters.signals import Judged, Notice
from probes.result import MEANING, ON_THE_WAY, Fault, Outcome, ProbeResult
from probes.target import Network, Target, Witness
from storage.memory import MemoryAlerts
from storage.memory_vantages import MemoryVantages
from storage.readings import StandingRow
from storage.records import Beat, Settled
from support.told import SECOND_NS, START_NS, beat, configuration, result

CLOUDS: Final = ("aws", "azure", "gcp", "oci")
REGIONS: Final = ("east", "west")
MODELS: Final = ("nano", "large")
TARGETS: Final = tuple("-".join(one) for one in itertools.product(CLOUDS, REGIONS, MODELS))
EVERY_S: Final = 30.0
FIRST_TOKEN_S: Final = 8.0
PAUSES_S: Final = (0.0, 5.0, 10.0)
WITNESSES: Final = {"tls": "tls:www.example.com:443", "dns": "dns:www.example.org"}
IDLE_S: Final = 4
"""How often is looked where nothing came; where something did, at once."""

LOOK_S: Final = 5.0
"""How long a look at the witnesses takes where they hang."""

HANGING: Final = frozenset({Outcome.FIRST_TOKEN_TIMEOUT, Outcome.CONNECT_TIMEOUT})
REFUSED: Final = frozenset({Outcome.CONFIG, Outcome.QUOTA})

Says = Callable[[str, float, random.Random], Outcome]
"""What a target answers at an instant (seconds): good unless an outage says otherwise."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outage:
    """What happens from `began_s` to `ended_s`, and what is to be told of each target that it strikes.

    `down` names the witnesses that are not reached meanwhile, by network. `elsewhere` is how another vantage sees what
    is struck, None where there is none. `blind` names the networks that have no witnesses. `before_s` is how much of
    the time before it is lived through.
    """

    began_s: float
    ended_s: float
    says: Says
    truth: Mapping[str, str]
    own: str | None = None
    down: Mapping[str, Collection[str]] = dataclasses.field(default_factory=dict)
    elsewhere: Health | None = None
    blind: frozenset[str] = frozenset()
    before_s: float = EVERY_S

    def goes_on(self, at_s: float) -> bool:
        return self.began_s <= at_s < self.ended_s


@dataclasses.dataclass(frozen=True, kw_only=True)
class Telling:
    """One alert as it was told, how long after the outage began, and what was to be said of whose fault it is."""

    after_s: float
    notice: Notice
    said: frozenset[str]
    expected: frozenset[str]

    @property
    def right(self) -> bool:
        return self.said == self.expected


def network_of(target: str) -> str:
    return "private-azure" if target.startswith("azure") else "internet"


def key_of(target: str) -> str:
    """Return the reference to the key of a target's cloud and region."""
    return "${KEY_" + "_".join(target.upper().split("-")[:2]) + "}"


def estate(blind: Collection[str] = ()) -> Config:
    """Return four clouds with two regions of two models each: a service of each model, which needs three clouds, and one of each cloud."""
    config = configuration(*TARGETS)
    targets = tuple(_placed(target) for target in config.targets)
    members = [
        Member(target=one.name, probe="chat", cloud=one.cloud, region=one.region, every_s=EVERY_S)
        for one in targets
    ]
    common: dict[str, Any] = {"ratio": 0.999, "window_s": 28 * 86400.0}
    services = [
        Service(
            name=model,
            members=tuple(one for one in members if one.target.endswith(model)),
            at_least=3,
            **common,
        )
        for model in MODELS
    ]
    services += [
        Service(
            name=f"on-{cloud}",
            members=tuple(one for one in members if one.cloud == cloud),
            of="target",
            **common,
        )
        for cloud in CLOUDS
    ]
    networks = tuple(
        Network(
            name=name,
            witnesses=()
            if name in blind
            else tuple(Witness.named(witness) for witness in WITNESSES.values()),
        )
        for name in ("internet", "private-azure")
    )
    return dataclasses.replace(
        config,
        targets=targets,
        services=tuple(services),
        networks=networks,
        paging=Paging(after_s=120.0, warm_up_s=0.0),
    )


def _placed(target: Target) -> Target:
    cloud, region, model = target.name.split("-")
    return dataclasses.replace(
        target,
        cloud=cloud,
        region=region,
        model=model,
        network=network_of(target.name),
        credentials={"api_key": key_of(target.name)},
    )


class _Elsewhere(Others):
    """Another vantage, which sees what is struck as it is told, and everything else well."""

    def __init__(self, outage: Outage, targets: Collection[Target], now_s: Callable[[], float]) -> None:
        super().__init__(MemoryVantages(lambda: 0), MemoryAlerts(), lambda: 0)
        self._outage, self._targets, self._now_s = outage, targets, now_s

    def heard(self) -> Heard:
        if self._outage.elsewhere is None:
            return Heard()
        struck = self._outage.truth if self._outage.goes_on(self._now_s() - FIRST_TOKEN_S * 2) else {}
        rows = [
            StandingRow(
                vantage="there",
                target=one.name,
                asks=asks(one),
                state=self._outage.elsewhere if one.name in struck else "good",
            )
            for one in self._targets
        ]
        return Heard(standings=rows)


class Lived:
    """One outage from before its begin to a minute and a half after its end, looked at whenever something came."""

    def __init__(self, outage: Outage, chance: random.Random) -> None:
        self.outage = outage
        self._chance = chance
        self._config = estate(outage.blind)
        self._standings = Standings()
        self._standings.plan(self._config)
        self._settling = Settling()
        self._refusals = Refusals()
        self._targets = {target.name: target for target in self._config.targets}
        self._now_s = 0.0
        self._shown: dict[str, Notice] = {}
        self._rows = MemoryAlerts()
        self._alerting = Alerting(
            self._standings,
            self._rows,
            lambda notices: setattr(self, "_shown", {one.key: one for one in notices}),
            lambda: START_NS + round(self._now_s * SECOND_NS),
            others=_Elsewhere(outage, self._config.targets, lambda: self._now_s),
            mono_ns=lambda: round(self._now_s * SECOND_NS),
        )
        self._answered: dict[str, list[float]] = {network: [] for network in ("internet", "private-azure")}

    def tellings(self) -> Iterator[Telling]:
        """Yield every alert that is told, when it is told first and whenever another fault is told of it."""
        seqs: dict[str, int] = {}
        records = sorted(self._records(), key=lambda one: one[0])
        at = 0
        second = int(self.outage.began_s) - 2
        while (second := second + 1) <= self.outage.ended_s + 90:
            self._now_s = float(second)
            news = False
            while at < len(records) and records[at][0] <= second:
                self._fold(at, records[at][1])
                news |= not isinstance(records[at][1], Beat)
                at += 1
            if not news and second % IDLE_S:
                continue
            self._alerting.look(self._config)
            for key, notice in self._shown.items():
                if seqs.get(key, 0) < notice.seq:
                    seqs[key] = notice.seq
                    yield self._told(notice)

    def _told(self, notice: Notice) -> Telling:
        said = frozenset((notice.fault or "").split(", "))
        names = notice.facts.get("failing") or notice.labels.get("target") or ""
        if self.outage.own is not None:
            expected = {self.outage.own}
        else:
            expected = {self.outage.truth.get(name, "nothing") for name in str(names).split(", ")}
        return Telling(
            after_s=self._now_s - self.outage.began_s, notice=notice, said=said, expected=frozenset(expected)
        )

    def _fold(self, seq: int, message: ProbeResult | Settled | Beat) -> None:
        """Take a record as the follower of the journal does."""
        if isinstance(message, ProbeResult):
            self._standings.take(message)
        if isinstance(message, Beat):
            self._standings.beat(message)
        for final in self._settling.fold(seq, message):
            judged = Judged(
                result=final.result, fault=final.fault, confirmed=final.confirmed, answered=final.answered
            )
            self._standings.settle(judged)

    # -- what the asker journals

    def _records(self) -> Iterator[tuple[float, ProbeResult | Settled | Beat]]:
        until_s = self.outage.ended_s + 90
        phases = {model: self._chance.uniform(0, EVERY_S) for model in MODELS}
        slots = sorted(
            (phases[name.split("-")[2]] + EVERY_S * nth, name)
            for name in TARGETS
            for nth in range(int(until_s / EVERY_S) + 1)
            if phases[name.split("-")[2]] + EVERY_S * nth >= self.outage.began_s - self.outage.before_s
        )
        attempts = sorted(self._attempts(slots), key=lambda one: one[1])
        for name, ended_s, judged_ in attempts:
            if not judged_.meaning.confirm and judged_.outcome not in REFUSED:
                self._answered[network_of(name)].append(ended_s)
        first_s: dict[str, float] = {}
        for name, ended_s, asked in attempts:
            judged_ = self._refusals.judged(self._targets[name], asked)
            yield ended_s, judged_
            if judged_.meaning.confirm:
                if self._is_down(network_of(name), ended_s):
                    first_s.setdefault(network_of(name), ended_s)
                yield self._settled(judged_, ended_s)
        for nth in range(int((self.outage.began_s - self.outage.before_s) / 2), int(until_s / 2)):
            yield 2.0 * nth, beat(2.0 * nth, witnesses=self._witnesses(2.0 * nth, first_s))

    def _attempts(self, slots: Collection[tuple[float, str]]) -> Iterator[tuple[str, float, ProbeResult]]:
        for at_s, name in slots:
            outcome, took_s = self._attempt(name, at_s)
            at_ns = START_NS + round(at_s * SECOND_NS)
            cloud, _, model = name.split("-")
            yield (
                name,
                at_s + took_s,
                result(
                    0,
                    outcome,
                    target=name,
                    cloud=cloud,
                    model=model,
                    scheduled_ns=at_ns,
                    started_ns=at_ns,
                    total_s=took_s,
                    http_status=401 if outcome is Outcome.CONFIG else None,
                ),
            )

    def _attempt(self, name: str, at_s: float) -> tuple[Outcome, float]:
        outcome = self.outage.says(name, at_s, self._chance)
        if outcome in HANGING:
            return outcome, FIRST_TOKEN_S
        longest_s = 3.0 if outcome is Outcome.OK else 0.5
        return outcome, self._chance.uniform(longest_s / 10, longest_s)

    def _settled(self, failed: ProbeResult, failed_s: float) -> tuple[float, Settled]:
        """Return what three confirmations, as far as they end in time, and the witnesses make of a failure."""
        deadline_s = failed_s + FIRST_TOKEN_S + 15.0
        ends, bad = [failed_s], []
        for pause_s in PAUSES_S:
            said, took_s = self._attempt(failed.target, failed_s + pause_s)
            if failed_s + pause_s + took_s > deadline_s or said is Outcome.AGENT_FAULT:
                continue
            ends.append(failed_s + pause_s + took_s)
            bad.append(MEANING[said].confirm or said is Outcome.CONFIG)
        settled_s = max(ends)
        verdict = Settled(
            slot=failed.key,
            fault=self._fault(failed.target, failed_s, settled_s, failed.outcome),
            confirmations=len(bad),
            confirmations_bad=sum(bad),
            settled_ns=START_NS + round(settled_s * SECOND_NS),
        )
        return settled_s, verdict

    def _fault(self, name: str, failed_s: float, settled_s: float, outcome: Outcome) -> Fault:
        network = network_of(name)
        if outcome not in ON_THE_WAY:
            return Fault.NOT_OURS
        # What answers once the witnesses were looked at says nothing of the time before.
        heard_s = settled_s if network in self.outage.blind else min(settled_s, failed_s + LOOK_S)
        if any(failed_s < at_s <= heard_s for at_s in self._answered[network]):
            return Fault.NOT_OURS
        if network in self.outage.blind:
            return Fault.UNDETERMINED
        return Fault.OURS if self._is_down(network, failed_s) else Fault.NOT_OURS

    def _is_down(self, network: str, at_s: float) -> bool:
        return self.outage.goes_on(at_s) and network in self.outage.down

    def _witnesses(self, at_s: float, first_s: Mapping[str, float]) -> dict[str, dict[str, str]]:
        """Return how witnesses stand: one is found gone a look after the first failure, and back within 10 s."""
        states = {}
        for network in {"internet", "private-azure"} - self.outage.blind:
            began_s = first_s.get(network, float("inf")) + LOOK_S
            down = self.outage.down.get(network, ()) if began_s <= at_s < self.outage.ended_s + 10 else ()
            states[network] = {
                witness: "down" if kind in down else "up" for kind, witness in WITNESSES.items()
            }
        return states
