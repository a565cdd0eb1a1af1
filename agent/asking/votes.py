"""What witnesses say of a way out: which of them have a vote, and whose fault a failure on the way is. Pure."""

import dataclasses
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from probes.base import Tried
from probes.result import ON_THE_WAY, Fault, Outcome, ProbeResult
from probes.target import Network, Witness

VOTE_NS: Final = 24 * 3600 * 1_000_000_000
"""A witness that was not reached for so long is a fault of its own, and says nothing of the way."""

State = Literal["up", "down", "doubted", "no_vote"]


@dataclasses.dataclass(slots=True)
class Known:
    """What is known of one witness: when it was reached last (UTC nanoseconds), and how the last try went.

    It is doubted where something else answered on its way while it could not be reached: then it is the witness
    that is gone, and its word is worth nothing until it is reached again.
    """

    reached_ns: int | None = None
    tried: Tried | None = None
    doubted: bool = False

    def take(self, tried: Tried, now_ns: int) -> None:
        self.tried = tried
        if tried.reached:
            self.reached_ns, self.doubted = now_ns, False

    def answered(self, *, named: bool = True) -> bool:
        """Hear that something answered on its way, for which a name was resolved or not; return whether that is news.

        An answer without a name says nothing of a witness that no name could be resolved for.
        """
        news = self.tried is not None and not self.tried.reached and not self.doubted
        news = news and (named or self.tried is None or self.tried.resolved is not False)
        self.doubted |= news
        return news

    def lately(self, now_ns: int) -> bool:
        """Return whether it was reached within a day.

        >>> Known().lately(5), Known(reached_ns=0).lately(VOTE_NS), Known(reached_ns=0).lately(VOTE_NS + 1)
        (False, True, False)
        """
        return self.reached_ns is not None and now_ns - self.reached_ns <= VOTE_NS

    def votes(self, now_ns: int) -> bool:
        """Return whether its not being reached means anything."""
        return self.lately(now_ns) and not self.doubted

    def state(self, now_ns: int) -> State | None:
        """Return how it stands; None while it was never tried."""
        if self.tried is None:
            return None
        if self.tried.reached:
            return "up"
        if not self.lately(now_ns):
            return "no_vote"
        return "doubted" if self.doubted else "down"


class Said(NamedTuple):
    """Whose fault a failure is, and on what evidence."""

    fault: Fault
    evidence: str


class Vote(NamedTuple):
    """One witness in one look; `tried` is None where the try did not end, and `valid` says whether a no counts."""

    witness: Witness
    tried: Tried | None
    valid: bool


def at_once(result: ProbeResult) -> Said | None:
    """Return what a failure says by itself: an answer from a server proves the way."""
    if result.outcome in ON_THE_WAY:
        return None
    status = f" with status {result.http_status}" if result.http_status else ""
    return Said(Fault.NOT_OURS, f"a server answered{status}")


def beside(network: str, answered: str) -> Said:
    """Return what it means that another target of the same way answered meanwhile."""
    return Said(Fault.NOT_OURS, f"target {answered} answered on network {network} meanwhile")


def in_the_dark(network: str) -> Said:
    """Return what it means that no witness was reached while the attempt went on, be it so again by now."""
    return Said(Fault.OURS, f"no witness of network {network} was reached while the attempt went on")


def judge(outcome: Outcome, network: Network, votes: Sequence[Vote]) -> Said:
    """Return what the witnesses make of a failure on the way.

    A name that was not resolved is asked of those who look names up, any other failure of those who connect:
    that a name is resolved, perhaps from a cache, proves no way, and an address that is reached proves no resolver.
    Whoever is not asked may still bear out that nothing works.
    """
    names = outcome is Outcome.DNS
    asked = [vote for vote in votes if _is_asked(vote, names=names)]
    reached = [vote.witness.name for vote in asked if _yes(vote, names=names)]
    if reached:
        did = "was resolved" if names else "was reached"
        return Said(Fault.NOT_OURS, f"{reached[0]} {did} on network {network.name}")
    others = [vote for vote in votes if vote not in asked]
    heard = [vote for vote in asked or others if vote.valid]
    if not heard or any(vote.tried is None for vote in heard):
        return Said(Fault.UNDETERMINED, _unheard(network, votes))
    if not asked and any(vote.tried and vote.tried.reached for vote in others):
        only = "connect to addresses" if names else "look names up"
        return Said(
            Fault.UNDETERMINED, f"the witnesses of network {network.name} only {only}, and that works"
        )
    return Said(Fault.OURS, f"no witness of network {network.name} was reached ({_some(heard)})")


def _is_asked(vote: Vote, *, names: bool) -> bool:
    if not names:
        return vote.witness.kind != "dns"
    return vote.witness.kind == "dns" or (vote.tried is not None and vote.tried.resolved is not None)


def _yes(vote: Vote, *, names: bool) -> bool:
    if vote.tried is None:
        return False
    return vote.tried.resolved is True if names else vote.tried.reached


def _unheard(network: Network, votes: Sequence[Vote]) -> str:
    if not network.witnesses:
        return f"network {network.name} has no witness"
    if any(vote.tried is None and vote.valid for vote in votes):
        return f"the witnesses of network {network.name} were not heard in time"
    return f"no witness of network {network.name} has a vote: none was reached within 24 h, or while others answered"


def _some(votes: Sequence[Vote]) -> str:
    names = [vote.witness.name for vote in votes]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
