"""Ways out: the networks that a file names, and the path that each target takes."""

import dataclasses
import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path as File
from typing import Final, Literal

from agent.clock import SystemClock
from agent.config.context import Context, loopback
from agent.config.durations import shown
from agent.config.findings import Path
from agent.config.nearest import nearest
from agent.config.schema_asked import NetworkSection, TargetSection, Tls, WitnessSection
from agent.config.secrets import passwords
from agent.config.sections import Entry
from probes import target as probing
from probes.base import Clock
from probes.transport import contexts, errors

INTERNET = "internet"
"""The network of whoever names none: the environment's proxies and the system's trust, unless the file says more."""

_HOST: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_.])?")


class Ways:
    """The networks of one file; a None among them is one whose errors are told already."""

    def __init__(
        self,
        context: Context,
        networks: Mapping[str, Entry[NetworkSection] | None],
        clock: Clock | None = None,
    ) -> None:
        self._context = context
        self._clock = clock or SystemClock()
        self._contexts = contexts.Contexts()
        self._paths = {INTERNET: probing.Path()} | {
            name: probing.Path() if entry is None else self._network(entry)
            for name, entry in networks.items()
        }
        self._unused = set(networks)
        self._entries = {name: entry for name, entry in networks.items() if entry is not None}
        self._witnesses = {
            name: tuple(_witnesses(context, (*entry.path, "witnesses"), entry.section))
            for name, entry in self._entries.items()
        }

    def path(self, where: Path, section: TargetSection) -> probing.Path:
        """Return a target's way: its network's, and what stands in the target itself wins."""
        return self._with(self.of(where, section.network), where, section)

    def of(self, where: Path, network: str) -> probing.Path:
        """Return the way of a network by its name, which stands under a path's `network`."""
        way = self._paths.get(network)
        if way is None:
            close = nearest(network, self._paths)
            self._context.findings.error(
                (*where, "network"),
                f"there is no network {shown(network)}{close or '; known are ' + ', '.join(self._paths)}"
                f" ({INTERNET} is there by itself, others stand under networks)",
            )
            way = probing.Path()
        self._unused.discard(network)
        return way

    def judge_unused(self) -> None:
        """Warn of networks that no target takes."""
        for name in sorted(self._unused):
            self._context.findings.warn(
                ("networks", name), f"no target goes this way; write network: {name} in one, or take it out"
            )

    def networks(self, targets: Sequence[probing.Target]) -> tuple[probing.Network, ...]:
        """Return the ways that targets take, and warn where nobody would know whose fault a failure on one is."""
        taken = dict.fromkeys(target.network for target in targets if target.network in self._paths)
        found = [
            probing.Network(name=name, path=self._paths[name], witnesses=self._witnesses.get(name, ()))
            for name in taken
        ]
        for network in found:
            self._judge_witnesses(network, targets)
        return tuple(found)

    def _judge_witnesses(self, network: probing.Network, targets: Sequence[probing.Target]) -> None:
        where: Path = ("networks", network.name)
        if not network.witnesses and network.name in self._entries:
            self._context.findings.warn(
                where,
                "has no witness, so nobody can tell an outage of a cloud from one of this way: the fault stays "
                "undetermined, which counts as bad; write witnesses: [{tls: host:443}] with hosts that others run",
            )
        elsewhere = [one.name for one in targets if one.network == network.name and not network.carries(one)]
        if network.witnesses and elsewhere:
            self._context.findings.warn(
                where,
                f"has witnesses, but {', '.join(elsewhere[:3])} {'goes' if len(elsewhere) == 1 else 'go'} by another "
                "proxy, to which they say nothing; give it a network of its own",
            )

    def _network(self, entry: Entry[NetworkSection]) -> probing.Path:
        section, where = entry.section, entry.path
        way = probing.Path(
            source_address=_source(self._context, (*where, "source_address"), section.source_address),
            intercepted=section.intercepted,
        )
        if section.ca is None:
            return self._with(way, where, section)
        if section.tls.ca is not None:
            self._context.findings.error((*where, "ca"), "stands beside tls.ca; keep one of the two")
        return self._with(way, where, section, ca=self._context.file((*where, "ca"), section.ca))

    def _with(
        self, way: probing.Path, where: Path, section: TargetSection | NetworkSection, **files: str
    ) -> probing.Path:
        """Return a way with what a section says of proxy, TLS and addresses."""
        context, tls = self._context, section.tls
        if (tls.cert is None) != (tls.key is None):
            context.findings.error(
                (*where, "tls"), "has only one of cert and key; write both, for they belong together"
            )
        for key in ("ca", "cert", "key"):
            if (name := getattr(tls, key)) is not None:
                files[key] = context.file((*where, "tls", key), name)
        resolve = {**way.resolve, **_resolve(context, (*where, "resolve"), section.resolve)}
        found = dataclasses.replace(
            way,
            proxy=_proxy(context, (*where, "proxy"), section.proxy) or way.proxy,
            server_name=tls.server_name or way.server_name,
            resolve=dict(sorted(resolve.items())),
            ca=files.get("ca", way.ca),
            cert=files.get("cert", way.cert),
            key=files.get("key", way.key),
        )
        if files:
            self._judge_files(where if tls == Tls() else (*where, "tls"), found)
        return found

    def _judge_files(self, where: Path, way: probing.Path) -> None:
        """Tell of files that no handshake could use, as far as they are here; absent ones are told already."""
        files = [name for name in (way.ca, way.cert, way.key) if name is not None]
        if not all(File(name).is_file() for name in files) or (way.cert is None) != (way.key is None):
            return
        try:
            self._contexts.get(way)
        except errors.Misconfigured as error:
            self._context.findings.error(where, str(error))
            return
        end_s = None if way.cert is None else contexts.expiry(way.cert)
        if end_s is not None and end_s < self._clock.wall_ns() / 1e9:
            self._context.findings.warn(
                where,
                f"the client certificate {way.cert} has expired on {datetime.fromtimestamp(end_s, UTC):%Y-%m-%d}; "
                "renew it, and its key with it",
            )


MOST_WITNESSES: Final = 5
"""All are dialled at once whenever something fails: a few that share nothing are worth more than many."""


def _witnesses(context: Context, path: Path, section: NetworkSection) -> Iterator[probing.Witness]:
    if len(section.witnesses) > MOST_WITNESSES:
        context.findings.error(
            path,
            f"{len(section.witnesses)} are too many, for all are dialled at each failure; keep {MOST_WITNESSES}",
        )
    seen: set[str] = set()
    for place, one in enumerate(section.witnesses):
        witness = _witness(context, (*path, place), one)
        if witness is not None and witness.name in seen:
            context.findings.error((*path, place), f"{witness.name} stands there twice; keep one")
        elif witness is not None:
            seen.add(witness.name)
            yield witness


def _witness(context: Context, path: Path, section: WitnessSection) -> probing.Witness | None:
    kinds: tuple[Literal["tls", "tcp", "dns"], ...] = ("tls", "tcp", "dns")
    given = [(kind, text) for kind in kinds if (text := getattr(section, kind)) is not None]
    if len(given) != 1:
        context.findings.error(path, "is one of tls, tcp and dns; write {tls: www.example.com:443}, say")
        return None
    kind, written = given[0]
    text = context.setting((*path, kind), written)
    if not context.known(text):
        return None
    if kind == "dns":
        if _HOST.fullmatch(text) and not _is_address(text):
            return probing.Witness(kind=kind, host=text.lower())
        context.findings.error(
            (*path, kind), f"{shown(text)} is no name to look up; write www.example.com, say"
        )
        return None
    host, _, port = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    if not (port.isascii() and port.isdigit() and 0 < int(port) <= 65535) or not (
        _HOST.fullmatch(host) or (host != bare and _is_address(bare))
    ):
        context.findings.error(
            (*path, kind), f"{shown(text)} is not host:port; write www.example.com:443, or [::1]:443"
        )
        return None
    return probing.Witness(kind=kind, host=bare.lower(), port=int(port))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _source(context: Context, path: Path, text: str | None) -> str | None:
    if text is None:
        return None
    address = context.setting(path, text)
    if context.known(address):
        _judge_address(context, path, address)
    return address


def _proxy(context: Context, path: Path, text: str | None) -> str | None:
    if text is None or text in ("environment", "none"):
        return text
    url = context.secret(path, text)
    parts = None if url is None else context.url(path, url, ("http", "https", "socks5", "socks5h"))
    if any(passwords(text)) and not (parts and loopback(parts.hostname)):
        context.warn_of_spelled_out(path, "holds a password that ")
    return text


def _resolve(context: Context, path: Path, addresses: Mapping[str, str]) -> Mapping[str, str]:
    for host, address in addresses.items():
        _judge_address(context, (*path, host), address)
    return {host.lower(): address for host, address in addresses.items()}


def _judge_address(context: Context, path: Path, text: str) -> None:
    if not _is_address(text):
        context.findings.error(path, f"{shown(text)} is not an address; write one such as 10.0.0.9")
