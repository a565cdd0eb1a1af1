"""Frozen rows of alerts and of the notices about them."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

SILENT: Final = "silent"
"""The fact of an alert that others ended because nothing was heard of its vantage."""


Occurrence = tuple[str, str]
"""The vantage that tells of an occurrence, and the id under which it is told."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AlertRow:
    """One occurrence of a trouble as it is remembered; instants are UTC nanoseconds.

    `seq` counts what was told of it: 1 when it began. `quiet_ns` is since when it was not found any longer.
    """

    vantage: str
    id: str
    key: str
    name: str
    severity: str
    subject: str
    since_ns: int
    fired_ns: int
    quiet_ns: int | None
    ended_ns: int | None
    seq: int
    labels: Mapping[str, str]
    facts: Mapping[str, Any]
    acknowledged: Mapping[str, Any] | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AckRow:
    """Somebody's word that an occurrence is in hands, until `until_ns` or, None, its end.

    `alert` is the occurrence's id, `severity` what it was when it was acknowledged.
    """

    vantage: str
    alert: str
    severity: str
    author: str
    reason: str
    made_ns: int
    until_ns: int | None = None


Change = Literal["fired", "rose", "acknowledged", "unacknowledged", "blamed", "ended"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRow:
    """What became of an occurrence at an instant, and the facts of that instant; `seq` is that of its notice."""

    vantage: str
    alert: str
    seq: int
    at_ns: int
    what: Change
    severity: str
    facts: Mapping[str, Any]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NoticeRow:
    """One notice of an alert for one receiver, to be told at `due_ns` (UTC nanoseconds).

    `alert` and `seq` name it; `ends` says that the alert is over, `urgent` that it goes before others. Notices of one
    `bundle` that are due together make one message. `repeat_ns` is how long after it was told it is due again, for as
    long as nothing newer is there.
    """

    vantage: str
    receiver: str
    alert: str
    seq: int
    ends: bool
    urgent: bool
    bundle: str
    made_ns: int
    due_ns: int
    repeat_ns: int | None
    payload: Mapping[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Claim:
    """A notice that is ours to tell until `lease_ns`.

    `tries` failed before; `known` says that the receiver was told something of this alert before, or may have been,
    `again` that it was told this very notice.
    """

    row: NoticeRow
    tries: int
    lease_ns: int
    known: bool
    again: bool = False


NoticeState = Literal["waiting", "told", "refused", "silenced", "dropped", "superseded"]
"""`refused` by its receiver when it was tried last, `silenced` by a maintenance, `dropped` for its age; `superseded`
before it was told, by a newer notice of its alert."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What became of a claim; `due_ns` is when it is told next, None: never again. `error` counts as a failed try."""

    claim: Claim
    state: NoticeState
    at_ns: int
    due_ns: int | None = None
    error: str | None = None


class Last(NamedTuple):
    """The newest notice of an occurrence, and whether it says that the alert is over."""

    seq: int
    ends: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of a notice until now: `told_ns` is when its receiver took it last, `error` why not."""

    row: NoticeRow
    state: NoticeState
    tries: int
    told_ns: int | None
    error: str | None
