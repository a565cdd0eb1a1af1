"""The outbox's in-memory twin."""

import dataclasses
import itertools
import threading
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from storage import hearing
from storage.alert_readings import Claim, Delivery, Last, NoticeRow, NoticeState, Occurrence, Told
from storage.outbox import first_page, order

_Key = tuple[str, str, str, int]


@dataclasses.dataclass(slots=True)
class _Kept:
    row: NoticeRow
    due_ns: int | None
    state: NoticeState = "waiting"
    lease_ns: int | None = None
    told_ns: int | None = None
    tries: int = 0
    error: str | None = None

    @property
    def tried(self) -> bool:
        """Return whether it may have been told."""
        return self.tries > 0 or self.lease_ns is not None

    def leased(self, now_ns: int) -> bool:
        return self.lease_ns is not None and self.lease_ns > now_ns


class MemoryOutbox:
    """The outbox over a dictionary; `kept` shows what became of each notice, by (vantage, receiver, alert, seq).

    Every method may be called from any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.kept: dict[_Key, _Kept] = {}

    def put(self, rows: Sequence[NoticeRow]) -> None:
        with self._lock:
            kept, hushed = hearing.spread(rows, self._heard(rows))
            for row in kept:
                one = self.kept.setdefault(_key(row), _Kept(row, row.due_ns))
                if one.state == "dropped":
                    one.state, one.due_ns = "waiting", row.due_ns
            for vantage, receiver, alert, seq in hushed:
                self._supersede((vantage, receiver, alert, seq))

    def claim(
        self,
        vantage: str,
        receivers: Collection[str],
        now_ns: int,
        lease_ns: int,
        limit: int,
        *,
        ends: bool = False,
    ) -> list[Claim]:
        with self._lock:
            due = sorted(
                (
                    one
                    for one in self._of(vantage)
                    if one.row.receiver in receivers and one.row.ends >= ends and self._due(one, now_ns)
                ),
                key=lambda one: order(one.row),
            )
            found = []
            for _, theirs in itertools.groupby(due, key=lambda one: one.row.receiver):
                for one in itertools.islice(theirs, limit):
                    one.lease_ns = lease_ns
                    row = dataclasses.replace(one.row, due_ns=one.due_ns or one.row.due_ns)
                    again = one.told_ns is not None
                    found.append(Claim(row, one.tries, lease_ns, self._known(one), again=again))
            return found

    def settle(self, told: Sequence[Told]) -> None:
        with self._lock:
            for done in told:
                one = self.kept[_key(done.claim.row)]
                if one.lease_ns != done.claim.lease_ns:
                    continue
                one.state, one.due_ns, one.error, one.lease_ns = done.state, done.due_ns, done.error, None
                one.tries = 0 if done.state == "told" else one.tries + (done.error is not None)
                one.told_ns = done.at_ns if done.state == "told" else one.told_ns
                if done.state != "waiting":
                    self._supersede(_key(one.row))
                if first_page(done):
                    self._supersede_elsewhere(one.row, done.at_ns)

    def expire(self, vantage: str, receivers: Collection[str], ended_ns: int, any_ns: int) -> dict[str, int]:
        with self._lock:
            dropped = [one for one in self._of(vantage) if self._stale(one, receivers, ended_ns, any_ns)]
            for one in dropped:
                one.state, one.due_ns = "dropped", None
            for one in dropped:
                self._supersede(_key(one.row))
            return dict(Counter(one.row.receiver for one in dropped))

    def revive(self, vantage: str, receivers: Collection[str], since_ns: int, now_ns: int) -> None:
        with self._lock:
            for one in self._of(vantage):
                refused = one.state == "refused" and one.row.receiver in receivers
                if refused and one.row.made_ns >= since_ns and not any(self._newer(one)):
                    one.due_ns = now_ns

    def deliveries(self, vantage: str | None, alert: str) -> list[Delivery]:
        with self._lock:
            of = self.kept.values() if vantage is None else self._of(vantage)
            found = [one for one in of if one.row.alert == alert]
        return [
            Delivery(
                row=dataclasses.replace(one.row, due_ns=one.due_ns or one.row.made_ns),
                state=one.state,
                tries=one.tries,
                told_ns=one.told_ns,
                error=one.error,
            )
            for one in sorted(found, key=lambda one: (one.row.seq, one.row.receiver, one.row.vantage))
        ]

    def open(self, vantage: str) -> list[NoticeRow]:
        with self._lock:
            found = [
                dataclasses.replace(one.row, due_ns=one.due_ns or one.row.made_ns)
                for one in self._of(vantage)
                if not one.row.ends
                and one.state in {"waiting", "told", "refused"}
                and not any(self._newer(one))
            ]
        return sorted(found, key=lambda row: (row.made_ns, row.alert, row.receiver))

    def untaken(self, pages: Collection[Occurrence]) -> dict[Occurrence, bool]:
        with self._lock:
            urgent = [one for one in self.kept.values() if one.row.urgent]
        found = {}
        for page in pages:
            told = [one for one in urgent if hearing.occurrence(one.row) == page]
            if all(one.told_ns is None for one in told):
                found[page] = any(one.tries == 0 and one.lease_ns is not None for one in told)
        return found

    def last(self, vantage: str, alerts: Collection[str]) -> dict[str, Last]:
        with self._lock:
            rows = sorted((one.row for one in self._of(vantage)), key=lambda row: row.seq)
        return {row.alert: Last(row.seq, row.ends) for row in rows if row.alert in alerts}

    def forget(self, vantage: str, before_ns: int) -> None:
        with self._lock:
            ended = {
                one.row.alert for one in self._of(vantage) if one.row.ends and one.row.made_ns < before_ns
            }
            over = [
                one
                for one in self._of(vantage)
                if one.row.made_ns < before_ns
                and one.due_ns is None
                and one.row.alert in ended
                and all(other.row.made_ns < before_ns and other.due_ns is None for other in self._newer(one))
            ]
            for one in over:
                del self.kept[_key(one.row)]

    def _due(self, one: _Kept, now_ns: int) -> bool:
        if one.due_ns is None or one.due_ns > now_ns or one.leased(now_ns) or any(self._newer(one)):
            return False
        return not any(other.leased(now_ns) for other in self._alike(one) if other is not one)

    def _stale(self, one: _Kept, receivers: Collection[str], ended_ns: int, any_ns: int) -> bool:
        if one.state not in {"waiting", "refused"} or one.due_ns is None or one.leased(ended_ns):
            return False
        if not one.row.ends:
            return one.due_ns < any_ns and one.row.receiver not in receivers
        return one.row.made_ns < (any_ns if self._known(one) else ended_ns)

    def _known(self, one: _Kept) -> bool:
        return any(
            other.told_ns is not None or (other.row.seq < one.row.seq and other.tried)
            for other in self._alike(one)
        )

    def _heard(self, rows: Sequence[NoticeRow]) -> dict[Occurrence, list[hearing.Heard]]:
        asked = {hearing.occurrence(row) for row in rows}
        found: dict[tuple[str, str, str], list[_Kept]] = {}
        for key, one in self.kept.items():
            if hearing.occurrence(one.row) in asked:
                found.setdefault(key[:3], []).append(one)
        heard: dict[Occurrence, list[hearing.Heard]] = {}
        for (vantage, receiver, alert), theirs in found.items():
            reached = any(one.told_ns is not None or one.tried for one in theirs)
            newest = max(one.row.seq for one in theirs)
            heard.setdefault((vantage, alert), []).append(hearing.Heard(receiver, newest, reached))
        return heard

    def _supersede(self, newer: _Key) -> None:
        for key, other in self.kept.items():
            if key[:3] == newer[:3] and key[3] < newer[3] and other.due_ns is not None:
                other.due_ns = None
                other.state = "superseded" if other.state == "waiting" else other.state

    def _supersede_elsewhere(self, row: NoticeRow, at_ns: int) -> None:
        for other in self.kept.values():
            same = (other.row.receiver, other.row.alert) == (row.receiver, row.alert)
            page = (
                other.row.urgent and not other.row.ends and other.told_ns is None and other.due_ns is not None
            )
            if same and page and other.row.vantage != row.vantage and not other.leased(at_ns):
                other.due_ns, other.state = None, "superseded"

    def _of(self, vantage: str) -> Iterator[_Kept]:
        return (one for one in self.kept.values() if one.row.vantage == vantage)

    def _alike(self, one: _Kept) -> Iterator[_Kept]:
        """Yield all notices of the same alert for the same receiver."""
        return (other for other in self.kept.values() if _key(other.row)[:3] == _key(one.row)[:3])

    def _newer(self, one: _Kept) -> Iterator[_Kept]:
        return (other for other in self._alike(one) if other.row.seq > one.row.seq)


def _key(row: NoticeRow) -> _Key:
    return row.vantage, row.receiver, row.alert, row.seq
