"""How many answers our own delay spoilt or our own way out lost, counted by second, so that any number of them fits. Pure."""

from typing import Final, NamedTuple

SECOND_NS: Final = 1_000_000_000
SPOILT_S: Final = 300
"""Over how long the shares are taken."""

ANSWERS_S: Final = 240
"""So far back answers must reach before their share says anything: a start is seldom smooth."""

LATELY_S: Final = 60
LEAST: Final = 10
"""So many answers of the last minute tell that our delay began just now."""


class Shares(NamedTuple):
    """The shares of answers that our own delay spoilt, and that our own way out lost."""

    spoilt: float = 0.0
    lost: float = 0.0


class _Second(NamedTuple):
    answers: int = 0
    spoilt: int = 0
    lost: int = 0


class Spoiling:
    """Remembers the last minutes; what lies after the newest answer by more than a minute is of a clock since set back.

    >>> spoiling = Spoiling()
    >>> for second in range(250):
    ...     spoiling.take(second * SECOND_NS, spoilt=second % 4 == 0, lost=False)
    >>> spoiling.shares(250 * SECOND_NS)
    Shares(spoilt=0.252, lost=0.0)
    """

    def __init__(self) -> None:
        self._seconds: dict[int, _Second] = {}

    def take(self, at_ns: int, *, spoilt: bool, lost: bool) -> None:
        """Take an answer that was asked for at an instant; failures come after what was asked later."""
        at_s = at_ns // SECOND_NS
        known = self._seconds.get(at_s)
        if known is None:
            kept = range(at_s - SPOILT_S, at_s + LATELY_S + 1)
            self._seconds = {second: one for second, one in self._seconds.items() if second in kept}
            known = _Second()
        self._seconds[at_s] = _Second(known.answers + 1, known.spoilt + spoilt, known.lost + lost)

    def shares(self, now_ns: int) -> Shares:
        """Return the shares of the last five minutes; none where answers do not reach so far back."""
        first_s = min(self._within(now_ns, SPOILT_S), default=None)
        if first_s is None or now_ns // SECOND_NS - first_s < ANSWERS_S:
            return Shares()
        return self._shares(self._within(now_ns, SPOILT_S))

    def lately(self, now_ns: int) -> Shares:
        """Return the shares of the last minute; none of a few answers."""
        within = self._within(now_ns, LATELY_S)
        enough = sum(self._seconds[second].answers for second in within) >= LEAST
        return self._shares(within) if enough else Shares()

    def _within(self, now_ns: int, seconds: int) -> list[int]:
        now_s = now_ns // SECOND_NS
        return [second for second in self._seconds if now_s - seconds <= second <= now_s]

    def _shares(self, within: list[int]) -> Shares:
        answers, spoilt, lost = map(sum, zip(*(self._seconds[second] for second in within), strict=True))
        return Shares(spoilt / answers, lost / answers)
