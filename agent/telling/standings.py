"""How every probe of every target stands, folded from what is settled, with what an incident's verdict asks about."""

import dataclasses
import threading
from collections.abc import Iterable, Mapping
from typing import Any, Final

from agent.config.model import Config
from agent.slo.judge import throttled_classes
from agent.slo.standing import Standing
from agent.telling.others import asks
from agent.telling.seen import Pair, Seen
from agent.telling.settling import Final as Settlement
from agent.telling.shadow import Shadow
from agent.telling.spoiling import Shares, Spoiling
from exporters.signals import Judged
from probes.events import class_of
from probes.result import SCHEDULED, EventClass, Fault, Outcome, ProbeResult
from probes.target import Target
from storage.records import Beat, Drill, Drilled, Skipped

BEAT_NS: Final = 60 * 1_000_000_000
"""What an older beat said of witnesses is not known any more."""


def _is_ill(seen: Seen) -> bool:
    """Return whether anything can be found of it: it fails, or is refused for asking too much."""
    return seen.standing.state == "bad" or seen.outcome is Outcome.THROTTLED


def _renamed(before: Mapping[str, Target], now: Mapping[str, Target]) -> dict[str, str]:
    """Return new name -> old name of targets that are asked the same as one that is gone."""
    gone: dict[str, list[str]] = {}
    for name, target in before.items():
        if name not in now:
            gone.setdefault(asks(target), []).append(name)
    return {
        name: theirs.pop(0)
        for name, target in now.items()
        if name not in before and (theirs := gone.get(asks(target)))
    }


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """How a witness stands by the last beat, and since when."""

    state: str
    since_ns: int


class Standings:
    """A `ResultSink`; every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._targets: dict[str, Target] = {}
        self._throttled: Mapping[Pair, EventClass] = {}
        self._vantage: str | None = None
        self._seen: dict[Pair, Seen] = {}
        self._asked: dict[str, int] = {}
        self._spoiling = Spoiling()
        self._voices: dict[tuple[str, str], Voice] = {}
        self._beat_ns = 0
        self._drilled: dict[Pair, Seen] = {}
        self._shadow = Shadow(self._settle_drilled, self._drilled.clear)
        self._beating_ns = 0

    def plan(self, config: Config) -> None:
        """Look at what the plan names and forget all else; what it names already is remembered.

        A target of another name that is asked what one was that is gone is that one: it was renamed.
        """
        with self._lock:
            before, self._targets = self._targets, {target.name: target for target in config.targets}
            self._throttled = throttled_classes(config.objectives, config.targets)
            self._vantage = config.vantage
            names = {name: name for name in self._targets} | _renamed(before, self._targets)
            self._seen = {
                (name, probe): self._seen.get((names[name], probe), Seen())
                for name, probe in config.workloads()
            }
            for (name, _), seen in self._seen.items():
                if (was := before.get(name)) is not None and asks(was) != asks(self._targets[name]):
                    seen.moved()
            self._asked = {new: self._asked[old] for new, old in names.items() if old in self._asked}

    def asked(self, since_ns: Mapping[str, int]) -> None:
        """Take since when targets are asked, by the plans of before: a snapshot may be gone."""
        with self._lock:
            self._asked = dict(since_ns)

    def take(self, result: ProbeResult) -> None:
        """Take that a slot failed: only what is settled says how a target stands, and until then nobody knows."""
        if result.attempt != SCHEDULED or not result.meaning.confirm or result.vantage != self._vantage:
            return
        with self._lock:
            if (seen := self._seen.get((result.target, result.probe))) is not None:
                seen.doubted_ns = result.scheduled_ns

    def settle(self, judged: Judged) -> None:
        result = judged.result
        with self._lock:
            seen = self._seen.get((result.target, result.probe))
            if seen is None or result.vantage != self._vantage:
                return
            kind = self._kind(judged)
            if kind is None:
                return
            seen.after(judged, kind)
            spoilt = result.outcome is Outcome.AGENT_FAULT
            # What every confirmation bears out is a network that is down, which is told as that.
            lost = judged.fault is Fault.OURS and result.meaning.confirm and not judged.confirmed
            self._spoiling.take(result.started_ns, spoilt=spoilt, lost=lost)

    def skip(self, skipped: Skipped) -> None:
        """Take a due slot that will have no result."""
        slot = skipped.slot
        with self._lock:
            seen = self._seen.get((slot.target, slot.probe))
            if seen is not None and slot.vantage == self._vantage:
                seen.skipped = skipped.reason, slot.scheduled_ns

    def _kind(self, judged: Judged) -> EventClass | None:
        result = judged.result
        said = self._throttled.get((result.target, result.probe))
        kind = class_of(
            result.outcome,
            judged.fault,
            sli="availability",
            within=None,
            trusted=True,
            throttled=said or EventClass(self._targets[result.target].count_throttled or EventClass.EXCLUDED),
        )
        # What fails in maintenance says nothing of how it stands afterwards.
        return EventClass.EXCLUDED if judged.maintained and kind is not None else kind

    # -- a drill, beside all that is measured

    def drilled(self, step: Drilled) -> None:
        """Take one step of a drill."""
        with self._lock:
            self._shadow.take(step)

    def drill(self, now_ns: int) -> tuple[Drill | None, dict[Pair, Seen]]:
        """Return the drill that goes on, and what its failing lets be seen."""
        with self._lock:
            drill = self._shadow.runs(now_ns)
            failing = {pair: one for pair, one in self._drilled.items() if _is_ill(one)}
            return drill, {pair: one.copy() for pair, one in failing.items()} if drill else {}

    def _settle_drilled(self, final: Settlement) -> None:
        pair = final.result.target, final.result.probe
        if pair not in self._seen:
            return
        judged = Judged(
            result=final.result, fault=final.fault, confirmed=final.confirmed, answered=final.answered
        )
        if (kind := self._kind(judged)) is not None:
            self._drilled.setdefault(pair, Seen()).after(judged, kind)

    def standings(self) -> dict[Pair, Standing]:
        with self._lock:
            return {pair: seen.standing for pair, seen in self._seen.items()}

    def seen(self) -> dict[Pair, Seen]:
        """Return all that is known of each probe, as it is now."""
        with self._lock:
            return {pair: seen.copy() for pair, seen in self._seen.items()}

    def beat(self, beat: Beat) -> None:
        """Take that the asker is alive, and what it says of its witnesses."""
        with self._lock:
            if beat.at_ns < self._beat_ns:
                self._set_back(beat.at_ns)
            if beat.at_ns - self._beat_ns > BEAT_NS:
                self._beating_ns = beat.at_ns
            for seen in self._seen.values():
                seen.asked_ns = beat.at_ns if seen.asked_ns is None else seen.asked_ns
            before, self._beat_ns = self._voices, beat.at_ns
            self._voices = {
                (network, witness): known
                if (known := before.get((network, witness))) is not None and known.state == state
                else Voice(state=state, since_ns=beat.at_ns)
                for network, witnesses in beat.witnesses.items()
                for witness, state in witnesses.items()
            }

    def _set_back(self, at_ns: int) -> None:
        """Take that the wall clock was set back to an instant: what lies after it was now, and not to come."""
        self._beating_ns = min(self._beating_ns, at_ns)
        self._asked = {name: min(since_ns, at_ns) for name, since_ns in self._asked.items()}
        for seen in self._seen.values():
            seen.set_back(at_ns)

    def voices(self, now_ns: int) -> dict[tuple[str, str], Voice]:
        """Return (network, witness) -> how it stands; nothing where no beat came lately."""
        with self._lock:
            return dict(self._voices) if now_ns - self._beat_ns <= BEAT_NS else {}

    def beating_ns(self) -> tuple[int, int]:
        """Return since when the asker beats without a pause, and when it was alive last; 0 is never."""
        with self._lock:
            return self._beating_ns, self._beat_ns

    def is_asking(self, now_ns: int) -> bool:
        """Return whether the asker was alive lately; one that was never heard of is none that died."""
        with self._lock:
            return not self._beat_ns or now_ns - self._beat_ns <= BEAT_NS

    def born_ns(self) -> dict[str, int]:
        """Return since when each target is probed."""
        with self._lock:
            born = {name: at_ns for name, at_ns in self._asked.items() if name in self._targets}
            for (target, _), seen in self._seen.items():
                if seen.born_ns is not None:
                    born[target] = min(seen.born_ns, born.get(target, seen.born_ns))
        return born

    def spoilt(self, now_ns: int) -> float:
        """Return the share of answers that our own delay spoilt, lately or just now; 0 where there are too few to tell."""
        with self._lock:
            return max(self._spoiling.shares(now_ns).spoilt, self._spoiling.lately(now_ns).spoilt)

    def our_shares(self, now_ns: int) -> Shares:
        """Return the shares of recent answers that our own delay spoilt, and that our own way out lost."""
        with self._lock:
            return self._spoiling.shares(now_ns)

    # -- kept with the fold's snapshot

    def snapshot(self) -> list[Any]:
        """Return what is remembered of each probe, as plain JSON values."""
        with self._lock:
            return [[*pair, seen.plain()] for pair, seen in self._seen.items()]

    def restore(self, kept: Iterable[Any]) -> None:
        """Go on from what `snapshot` returned."""
        seen: Mapping[Pair, Seen] = {(target, probe): Seen.revived(one) for target, probe, one in kept}
        with self._lock:
            self._seen = dict(seen)
            # Whoever asked these was alive then.
            self._beat_ns = max((one.standing.seen_ns or 0 for one in self._seen.values()), default=0)

    def snapshot_drill(self) -> dict[str, Any]:
        with self._lock:
            seen = [[*pair, one.plain()] for pair, one in self._drilled.items()]
            return {"shadow": self._shadow.snapshot(), "seen": seen}

    def restore_drill(self, kept: Mapping[str, Any]) -> None:
        """Go on from what `snapshot_drill` returned; nothing where an earlier release kept nothing."""
        if not kept:
            return
        with self._lock:
            self._shadow.restore(kept["shadow"])
            self._drilled.clear()
            self._drilled |= {(target, probe): Seen.revived(one) for target, probe, one in kept["seen"]}
