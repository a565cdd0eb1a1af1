"""Is it us? Asked of a way's witnesses the moment something fails on it, and of whatever else answers there."""

import asyncio
import collections
import json
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path as File
from typing import Any, Final

import structlog

from agent.asking import votes
from agent.asking.looks import Answers, Look
from agent.asking.remembered import Remembered
from agent.asking.votes import Known, Said, Vote
from probes.base import Clock, Tried
from probes.result import ANSWERED, Fault, ProbeResult, ended_ns
from probes.target import Network, Path, Target, Witness

log = structlog.get_logger("asker")

REST_NS: Final = 250_000_000
"""So long after a look began the next one begins: a hundred targets that fail at once must not dial a hundred times."""

EVERY_S: Final = 300.0
"""How often a witness is tried while nothing fails, so that its vote is known."""

DOWN_S: Final = 10.0
"""How often one is tried that has a vote and was not reached: so the end of an outage is seen."""

DARK_LOOKS: Final = 1000
"""So many looks that reached nobody are remembered, for failures that began before them and are seen after."""

TICK_S: Final = 1.0
SAVE_NS: Final = 60 * 1_000_000_000

Try = Callable[[Witness, Path], Awaitable[Tried]]


async def nobody(_witness: Witness, _path: Path) -> Tried:
    return Tried(reached=False, resolved=None, says="nobody tries")


class Witnesses:
    """Says of failures whether they are ours.

    Witnesses are dialled by the way of the network itself. A target that goes another way (a proxy of its own)
    has none: nobody vouches for its way.
    """

    def __init__(
        self,
        clock: Clock,
        networks: Iterable[Network] = (),
        attempt: Try = nobody,
        jitter: Callable[[float, float], float] = random.uniform,
        file: File | None = None,
    ) -> None:
        self._clock = clock
        self._jitter = jitter
        self._file = Remembered(file, "witnesses", lost="no witness has a vote until it is reached")
        self._saved: tuple[bytes, int] = b"", 0
        self._networks: dict[str, Network] = {}
        self._known: dict[tuple[str, str], Known] = {}
        self._due_ns: dict[tuple[str, str], int] = {}
        self._looks: dict[str, Look] = {}
        self._answers: dict[str, Answers] = {}
        self._dark_ns: dict[str, collections.deque[int]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._drained = False
        self.switch(networks, attempt)

    def switch(self, networks: Iterable[Network], attempt: Try) -> None:
        """Go over to another plan: what is known of a way that stays is remembered, whatever else is forgotten."""
        before, self._networks = self._networks, {network.name: network for network in networks}
        self._attempt = attempt
        stay = {
            name
            for name, one in self._networks.items()
            if name not in before or before[name].path == one.path
        }
        wanted = [(one.name, witness.name) for one in self._networks.values() for witness in one.witnesses]
        self._known = {key: self._known.get(key, Known()) if key[0] in stay else Known() for key in wanted}
        self._due_ns = {key: self._due_ns.get(key, 0) if key[0] in stay else 0 for key in wanted}
        self._answers = {name: found for name, found in self._answers.items() if name in stay}
        self._dark_ns = {name: found for name, found in self._dark_ns.items() if name in stay}

    # -- what is heard

    def answered(self, target: Target, result: ProbeResult) -> None:
        """Hear that an attempt ended: a good answer proves the way that it came by.

        One over a fresh connection casts doubt on witnesses that were not reached, which are tried again at once; on
        those whose names were not resolved, if a name was resolved for it.
        """
        network = self._carrying(target)
        if network is None or result.outcome not in ANSWERED:
            return
        now_ns = self._clock.mono_ns()
        self._answers.setdefault(network.name, Answers()).take(result, now_ns)
        for witness in () if result.reused else network.witnesses:
            key = network.name, witness.name
            if self._known[key].answered(named=result.dns_s is not None):
                self._due_ns[key] = now_ns

    def look(self, target: Target, result: ProbeResult) -> Look | None:
        """Begin a look for a failure that was just seen, or join one; None where there is nobody to ask."""
        network = self._carrying(target)
        if self._drained or network is None or not network.witnesses or votes.at_once(result):
            return None
        now_ns = self._clock.mono_ns()
        running = self._looks.get(network.name)
        if running is not None and running.may_be_joined(now_ns):
            return running
        wall_ns = self._clock.wall_ns()
        valid = frozenset(
            one.name for one in network.witnesses if self._known[network.name, one.name].votes(wall_ns)
        )
        began_ns = now_ns if running is None else max(now_ns, running.began_ns + REST_NS)
        look = Look(network, began_ns, valid)
        look.tasks = tuple(
            self._spawn(self._one(network, witness, look, (began_ns - now_ns) / 1e9))
            for witness in network.witnesses
        )
        self._looks[network.name] = look
        return look

    def judge(self, target: Target, result: ProbeResult, failed_ns: int, look: Look | None) -> Said:
        """Return whose fault a failure is that was seen at `failed_ns`, by all that is known now.

        1. An answer from a server is not ours.
        2. Witnesses are believed, but for what was seen beside them at the same time: another target of the way that
           answered after the failure clears it, and a look before it, while the attempt went on, that reached nobody
           does not.
        3. Where they cannot tell, whatever other target has answered since does.
        """
        if said := votes.at_once(result):
            return said
        network = self._carrying(target)
        if network is None:
            return Said(
                Fault.UNDETERMINED, f"target {target.name} goes a way of its own, which has no witness"
            )
        said = votes.judge(result.outcome, network, self._heard(network, look))
        began_ns = failed_ns - (ended_ns(result) - result.started_ns)
        dark = any(began_ns <= at_ns <= failed_ns for at_ns in self._dark_ns.get(network.name, ()))
        if said.fault is Fault.NOT_OURS and dark:
            return votes.in_the_dark(network.name)
        if said.fault is Fault.NOT_OURS:
            return said
        answers = look.answers if look is not None and said.fault is Fault.OURS else None
        answers = answers or self._answers.get(network.name, Answers())
        other = answers.since(failed_ns, target.name, result.outcome)
        return said if other is None else votes.beside(network.name, other)

    @staticmethod
    def _heard(network: Network, look: Look | None) -> list[Vote]:
        """Return what a look has brought so far; without one, that nobody was heard."""
        if look is not None:
            return look.votes()
        return [Vote(witness, None, valid=True) for witness in network.witnesses]

    def states(self) -> Mapping[str, Mapping[str, str]]:
        """Return network -> witness -> how it stands, as far as it was tried."""
        now_ns = self._clock.wall_ns()
        found: dict[str, dict[str, str]] = {}
        for (network, witness), known in self._known.items():
            if state := known.state(now_ns):
                found.setdefault(network, {})[witness] = state
        return found

    # -- what goes on beside

    async def run(self) -> None:
        """Try each witness every few minutes, for ever, and keep what came of it."""
        while True:
            self._try_due()
            if (payload := self._unsaved()) is not None:
                await asyncio.to_thread(self._file.save, payload)
            await asyncio.sleep(TICK_S)

    def drain(self) -> None:
        """Try nobody any more; a look that goes on ends here."""
        self._drained = True
        for task in self._tasks:
            task.cancel()

    def load(self) -> None:
        """Go on from what a process before this one saw; an unreadable file is told and left behind."""
        self._file.load(self._restore)

    def save(self) -> None:
        """Save now, at the end."""
        if (payload := self._unsaved(at_the_end=True)) is not None:
            self._file.save(payload)

    def _try_due(self) -> None:
        now_ns = self._clock.mono_ns()
        for network in self._networks.values():
            for witness in network.witnesses:
                key = network.name, witness.name
                if self._due_ns[key] <= now_ns:
                    self._due_ns[key] = now_ns + round(EVERY_S * 1e9)  # or when this try says
                    self._spawn(self._one(network, witness, None))

    async def _one(self, network: Network, witness: Witness, look: Look | None, pause_s: float = 0.0) -> None:
        """Try one witness, after a pause; a mistake of ours costs its word and nothing else."""
        try:
            await asyncio.sleep(pause_s)
            tried = await self._attempt(witness, network.path)
        except Exception:
            log.exception("witness.failed", network=network.name, witness=witness.name)
            return
        if look is not None:
            look.tried[witness.name] = tried
            self._conclude(look)
        key = network.name, witness.name
        if self._networks.get(network.name) != network or key not in self._known:
            return  # the plan has changed meanwhile
        known, now_ns = self._known[key], self._clock.wall_ns()
        before = known.state(now_ns)
        known.take(tried, now_ns)
        state = known.state(now_ns)
        rest_s = DOWN_S if state in {"down", "doubted"} else EVERY_S
        self._due_ns[key] = self._clock.mono_ns() + round(self._jitter(0.8, 1.2) * rest_s * 1e9)
        if state != before and (before, state) != (None, "up"):
            tell = log.info if state == "up" else log.warning
            tell(f"witness.{state}", network=network.name, witness=witness.name, says=tried.says)

    def _conclude(self, look: Look) -> None:
        if look.complete:
            name = look.network.name
            look.answers = self._answers.get(name, Answers()).copy()
            if look.dark:
                dark = self._dark_ns.setdefault(name, collections.deque(maxlen=DARK_LOOKS))
                dark.append(self._clock.mono_ns())

    def _spawn(self, work: Any) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _carrying(self, target: Target) -> Network | None:
        network = self._networks.get(target.network)
        return network if network is not None and network.carries(target) else None

    # -- kept over restarts

    def _unsaved(self, *, at_the_end: bool = False) -> bytes | None:
        payload, now_ns = self._snapshot(), self._clock.mono_ns()
        before, saved_ns = self._saved
        early = bool(before) and now_ns - saved_ns < SAVE_NS and not at_the_end
        if not self._file.kept or payload in (before, b"{}") or early:
            return None
        self._saved = payload, now_ns
        return payload

    def _snapshot(self) -> bytes:
        found: dict[str, dict[str, int]] = {}
        for (network, witness), known in self._known.items():
            if known.reached_ns is not None:
                found.setdefault(network, {})[witness] = known.reached_ns
        return json.dumps(found, separators=(",", ":")).encode()

    def _restore(self, kept: Mapping[str, Mapping[str, int]]) -> None:
        for network, witnesses in kept.items():
            for witness, reached_ns in witnesses.items():
                if (known := self._known.get((network, witness))) is not None:
                    known.reached_ns = int(reached_ns)
