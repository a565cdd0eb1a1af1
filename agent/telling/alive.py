"""What speaks for our own health: the asker's last beat, the last evaluation, how far the journal is stored, its size."""

import dataclasses
from collections.abc import Callable

from storage.records import Beat

SECOND_NS = 1_000_000_000
READY_NS = 10 * SECOND_NS
"""How old the asker's last beat may be for us to be ready; it beats every 2 s."""

WHOLE_NS = 30 * SECOND_NS
"""How long ago all may have been stored for history to be whole: later there are slots that it lacks, and nobody missed."""

RECENT_NS = 120 * SECOND_NS
"""How old the last evaluation and the asker's last beat may be for a heartbeat to be sent."""


@dataclasses.dataclass(slots=True)
class Alive:
    """Instants are UTC nanoseconds; None: not yet."""

    beat_ns: int | None = None
    evaluated_ns: int | None = None
    stored_ns: int | None = None
    journal_bytes: int = 0

    def beaten(self, beat: Beat) -> None:
        self.beat_ns = beat.at_ns
        self.journal_bytes = beat.journal_bytes

    def is_whole(self, now_ns: int) -> bool:
        """Return whether history holds what the journal does, but for a moment.

        >>> Alive().is_whole(0), Alive(stored_ns=0).is_whole(WHOLE_NS), Alive(stored_ns=0).is_whole(WHOLE_NS + 1)
        (False, True, False)
        """
        return self.stored_ns is not None and now_ns - self.stored_ns <= WHOLE_NS

    def unready(self, now_ns: int, journal_limit: int) -> list[str]:
        """Return why we are not ready, nothing where we are. The database alone never makes us unready.

        >>> Alive().unready(0, 10)
        ['the asker has given no sign of life yet']
        >>> Alive(beat_ns=0, journal_bytes=12).unready(30 * SECOND_NS, 10)
        ['the asker was heard of last 30 s ago', 'the journal holds 12 bytes of 10: the database is away too long']
        """
        reasons = []
        if self.beat_ns is None:
            reasons.append("the asker has given no sign of life yet")
        elif now_ns - self.beat_ns > READY_NS:
            reasons.append(f"the asker was heard of last {(now_ns - self.beat_ns) // SECOND_NS} s ago")
        if self.journal_bytes >= journal_limit:
            reasons.append(
                f"the journal holds {self.journal_bytes} bytes of {journal_limit}: the database is away too long"
            )
        return reasons

    def silence(self, now_ns: int) -> str | None:
        """Return why no heartbeat may be sent now, or None.

        >>> Alive(beat_ns=0).silence(0)
        'no evaluation succeeded within 2 minutes'
        """
        if self.evaluated_ns is None or now_ns - self.evaluated_ns > RECENT_NS:
            return "no evaluation succeeded within 2 minutes"
        if self.beat_ns is None or now_ns - self.beat_ns > RECENT_NS:
            return "the asker gave no sign of life for 2 minutes"
        return None


class Since:
    """For how long something has not happened, by a clock that nobody sets; at first since it is looked for.

    >>> clock = iter([100, 107, 110, 112])
    >>> since = Since(lambda: next(clock))
    >>> since(), since.again(), since()
    (7, None, 2)
    """

    def __init__(self, mono_ns: Callable[[], int]) -> None:
        self._mono_ns = mono_ns
        self._at_ns = mono_ns()

    def again(self) -> None:
        self._at_ns = self._mono_ns()

    def __call__(self) -> int:
        return self._mono_ns() - self._at_ns
