"""What is decided of claimed notices: which make one message, when each is due again, what stays quiet; pure."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from agent.telling.routing import unpacked
from exporters.signals import Notice
from storage.alert_readings import Claim, Told

SECOND_NS: Final = 1_000_000_000
LONGEST_S: Final = 60.0
"""How long a receiver that fails is left alone at most, unless it asks for more."""

LONGEST_ASKED_S: Final = 3600.0
REFUSED_S: Final = 300.0
"""How soon what a receiver refused is tried there again: somebody has to mend it, there or in the file."""

SILENT_NS: Final = 30 * SECOND_NS
"""How soon a silenced alert is looked at again."""

Silenced = Callable[[Notice], bool]


@dataclasses.dataclass(frozen=True, slots=True)
class Message:
    """Claims that are told as one, and their notices."""

    claims: tuple[Claim, ...]
    notices: tuple[Notice, ...]


def messages(claims: Sequence[Claim], *, gathers: bool) -> Iterator[Message]:
    """Yield the messages of a receiver's claims in their order: those of one bundle together, or one by one."""
    bundles: dict[str, list[Claim]] = {}
    for at, claim in enumerate(claims):
        bundles.setdefault(claim.row.bundle if gathers else str(at), []).append(claim)
    for together in bundles.values():
        yield Message(tuple(together), tuple(unpacked(claim.row.payload) for claim in together))


def pause_s(tries: int, asked_s: float | None, jitter: float) -> float:
    """Return how long a receiver that failed so often before is left alone; `jitter` is between 0 and 1.

    >>> [pause_s(tries, None, 0.5) for tries in (0, 1, 5, 6, 100)], pause_s(0, 120.0, 0.5), pause_s(9, 1e9, 0.5)
    ([1.0, 2.0, 32.0, 60.0, 60.0], 120.0, 3600.0)
    """
    ours = min(LONGEST_S, 2.0 ** min(tries, 10)) * (0.75 + 0.5 * jitter)
    return max(ours, min(asked_s or 0.0, LONGEST_ASKED_S))


def after_refusal_s(claim: Claim, pause: float) -> float:
    """Return how long what was refused is left alone: not long where its receiver waits for more, as of a refresh."""
    return pause if claim.known or claim.again else max(pause, REFUSED_S)


def again_ns(claim: Claim, refresh_s: float | None) -> int | None:
    """Return how long after telling it a notice is due again: an end never, a firing as receiver or route say."""
    if claim.row.ends:
        return None
    return round(refresh_s * SECOND_NS) if refresh_s is not None else claim.row.repeat_ns


def parted(claims: Sequence[Claim], silenced: Silenced, now_ns: int) -> tuple[list[Claim], list[Told]]:
    """Return what is to be told now, and what is not: what cannot be read, and what a maintenance keeps quiet.

    What fires waits until the maintenance is over. What ended during it and was never told is over; what was told
    before is told to have ended.
    """
    speak, quiet = [], []
    for claim in claims:
        try:
            silent = silenced(unpacked(claim.row.payload))
        except ValueError:
            error = "another release wrote it, and this one cannot read it"
            quiet.append(Told(claim=claim, state="refused", at_ns=now_ns, error=error))
            continue
        if not silent or (claim.row.ends and claim.known):
            speak.append(claim)
        elif claim.row.ends:
            quiet.append(Told(claim=claim, state="silenced", at_ns=now_ns))
        else:
            quiet.append(Told(claim=claim, state="waiting", at_ns=now_ns, due_ns=now_ns + SILENT_NS))
    return speak, quiet
