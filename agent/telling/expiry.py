"""What ends soon: certificates that endpoints show, and what we show them: client certificates, keys and tokens."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from agent.config.model import Config
from agent.slo.alerts import Finding
from agent.telling.sights import View
from exporters import words
from probes.base import SigningError
from probes.identity import identity
from probes.target import Target
from probes.tokens import Life, life

SOON_NS: Final = 14 * 86_400 * 1_000_000_000
READ_NS: Final = 3600 * 1_000_000_000
"""So long what was read of a file is believed, unless the clock was set back since."""

LOOKED_AT_NS: Final = 60 * 1_000_000_000
"""Tokens may live for minutes, and whoever renews one is believed as soon."""

_TENTH: Final = 10
NO_LIVES: Final[Mapping[str, Life]] = MappingProxyType({})


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
        if files != before or not 0 <= now_ns - read_ns < READ_NS:
            ends = {file: self._read(file) for file in files}
            self._known = {file: end * 1_000_000_000 for file, end in ends.items() if end is not None}
            self._state = files, now_ns
        return self._known


class Tokens:
    """When the keys and tokens of a plan end, of those that say so; looked at each minute, and none is kept."""

    def __init__(self, resolved: Callable[[str], str]) -> None:
        self._resolved = resolved
        self._known: Mapping[str, Life] = {}
        self._state: tuple[Mapping[str, str], int] = {}, 0

    def of(self, config: Config, now_ns: int) -> Mapping[str, Life]:
        """Return the name of an identity -> how long it holds; what cannot be read is told by its probes."""
        named = {identity(one): text for one in config.targets if (text := _secret(one)) is not None}
        before, read_ns = self._state
        if named != before or not 0 <= now_ns - read_ns < LOOKED_AT_NS:
            lives = {name: self._life(text) for name, text in named.items()}
            self._known = {name: known for name, known in lives.items() if known is not None}
            self._state = named, now_ns
        return self._known

    def _life(self, text: str) -> Life | None:
        try:
            return life(self._resolved(text))
        except SigningError:
            return None


def _secret(target: Target) -> str | None:
    """Return what a target shows of itself as it is written; an identity that a vendor's library renews is none."""
    return target.credentials.get("api_key", target.credentials.get("token"))


def expiring(view: View, ends: Mapping[str, int], lives: Mapping[str, Life] = NO_LIVES) -> Iterator[Finding]:
    """Yield a ticket for each host, client certificate (`ends`: file -> instant), key and token that ends soon.

    That is within 14 days, or the last tenth of a shorter life: who renews one in time never comes to that.
    """
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
    for name, known in lives.items():
        ends_ns = round(known.ends_s * 1e9)
        if ends_ns - view.now_ns < _soon_ns(known):
            users = [target.name for target in view.config.targets if identity(target) == name]
            yield _finding("CredentialExpires", name, ends_ns, view.now_ns, users, "of ours")


def _soon_ns(known: Life) -> int:
    """Return how long before its end a token is soon over.

    >>> [_soon_ns(Life(began_s, 90 * 86400.0)) // 10**9 for began_s in (None, 0.0, 90 * 86400 - 3600.0)]
    [1209600, 777600, 360]
    """
    if known.began_s is None:
        return SOON_NS
    return min(SOON_NS, round((known.ends_s - known.began_s) * 1e9) // _TENTH)


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
