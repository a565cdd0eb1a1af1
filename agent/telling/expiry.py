"""What ends soon: certificates that endpoints show, and the client certificates that we show them."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from agent.config.model import Config
from agent.slo.alerts import Finding
from agent.telling.sights import View
from exporters import words

SOON_NS: Final = 14 * 86_400 * 1_000_000_000
READ_NS: Final = 3600 * 1_000_000_000


class ClientCertificates:
    """When the client certificates of a plan end; their files are read hourly, and when the plan changes."""

    def __init__(self, read: Callable[[str], int | None]) -> None:
        self._read = read
        self._known: Mapping[str, int] = {}
        self._state: tuple[frozenset[str], int] = frozenset(), 0

    def of(self, config: Config, now_ns: int) -> Mapping[str, int]:
        """Return file -> when it ends, UTC nanoseconds; a file that tells nothing is left out."""
        files = frozenset(target.path.cert for target in config.targets if target.path.cert)
        before, read_ns = self._state
        if files != before or now_ns - read_ns >= READ_NS:
            ends = {file: self._read(file) for file in files}
            self._known = {file: end * 1_000_000_000 for file, end in ends.items() if end is not None}
            self._state = files, now_ns
        return self._known


def expiring(view: View, ends: Mapping[str, int]) -> Iterator[Finding]:
    """Yield a ticket for each host, and for each client certificate (`ends`: file -> instant), that ends within 14 days."""
    hosts: dict[str, dict[str, int]] = defaultdict(dict)
    for (target, _), seen in view.seen.items():
        said = seen.recent.said
        if said.host is not None and said.expires_ns is not None:
            hosts[said.host][target] = min(said.expires_ns, hosts[said.host].get(target, said.expires_ns))
    for host, targets in hosts.items():
        ends_ns = min(targets.values())
        if ends_ns - view.now_ns < SOON_NS:
            yield _finding("CertificateExpires", host, ends_ns, view.now_ns, list(targets), "of the endpoint")
    for file, ends_ns in ends.items():
        if ends_ns - view.now_ns < SOON_NS:
            users = [target.name for target in view.config.targets if target.path.cert == file]
            yield _finding("CredentialExpires", file, ends_ns, view.now_ns, users, "of ours")


def _finding(name: str, what: str, ends_ns: int, now_ns: int, targets: list[str], whose: str) -> Finding:
    kind = "certificate" if name == "CertificateExpires" else "credential"
    return Finding(
        key=f"{kind}-expires/{what}",
        name=name,
        severity="ticket",
        subject=what,
        since_ns=now_ns,
        labels={"host": what} if kind == "certificate" else {},
        facts={
            "targets": targets,
            "ends": f"{words.instant(ends_ns)} UTC",
            "fault": f"certificate {whose}" if kind == "certificate" else f"credentials {what}",
            "evidence": [left(ends_ns, now_ns)],
        },
    )


def left(ends_ns: int, now_ns: int) -> str:
    """Return how long it still holds, in words.

    >>> left(3 * 86_400 * 10**9, 0), left(0, 3600 * 10**9)
    ('it ends in 3 d', 'it ended 1 h ago')
    """
    seconds = (ends_ns - now_ns) // 1_000_000_000
    return (
        f"it ends in {words.duration(seconds)}" if seconds > 0 else f"it ended {words.duration(-seconds)} ago"
    )
