"""Whether an alert is in somebody's hands: the last word said of it, for as long as that holds."""

from collections.abc import Iterable, Mapping
from typing import Any

from storage.alert_readings import AckRow


def holds(ack: AckRow, severity: str, now_ns: int) -> bool:
    """Return whether an acknowledgement still speaks of an alert as it is now: who took a ticket took no page.

    >>> ack = AckRow(vantage="v", alert="a@1", severity="ticket", author="ada", reason="on it", made_ns=1, until_ns=9)
    >>> holds(ack, "ticket", 8), holds(ack, "ticket", 9), holds(ack, "page", 8)
    (True, False, False)
    """
    return (ack.until_ns is None or now_ns < ack.until_ns) and (ack.severity, severity) != ("ticket", "page")


def current(acks: Iterable[AckRow], alert: str, severity: str, now_ns: int) -> AckRow | None:
    """Return the last word on an occurrence, where it still holds."""
    said = [ack for ack in acks if ack.alert == alert]
    last = max(said, key=lambda ack: ack.made_ns, default=None)
    return last if last is not None and holds(last, severity, now_ns) else None


def revived(kept: Mapping[str, Any] | None) -> AckRow | None:
    """Return the acknowledgement that an alert's row remembers."""
    return None if kept is None else AckRow(**kept)
