"""Which proxy leads to a URL: the path's own, none, or what the environment's variables say."""

import base64
import dataclasses
import ipaddress
import urllib.parse
from collections.abc import Mapping
from typing import Self

import httpx

from probes.target import Path
from probes.transport import errors

_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}


@dataclasses.dataclass(frozen=True, slots=True)
class Proxy:
    """One proxy; its text never shows the credentials."""

    scheme: str
    host: str
    port: int
    username: str = dataclasses.field(default="", repr=False)
    password: str = dataclasses.field(default="", repr=False)

    @classmethod
    def parse(cls, url: str) -> Self:
        """Return the proxy of a URL such as `http://user:password@proxy:3128`, or raise `Misconfigured`.

        >>> Proxy.parse("http://user:p%40ss@proxy.bank:3128").password, str(Proxy.parse("socks5h://u:p@gate"))
        ('p@ss', 'socks5h://gate:1080')
        """
        try:
            parts = urllib.parse.urlsplit(url if "://" in url else f"http://{url}")
            host, port = parts.hostname, parts.port or _PORTS[parts.scheme]
        except (ValueError, KeyError):
            host, port = None, 0
        if not host:
            # The URL may hold a password: it is not repeated here.
            raise errors.Misconfigured(
                "the proxy's URL cannot be read: write it as http://host:port, https://, socks5:// or socks5h://, "
                "with a user and password before the host where it wants them (escaped: @ is %40)"
            )
        username, password = parts.username or "", parts.password or ""
        return cls(parts.scheme, host, port, urllib.parse.unquote(username), urllib.parse.unquote(password))

    @property
    def is_socks(self) -> bool:
        return self.scheme.startswith("socks")

    @property
    def authorization(self) -> list[tuple[bytes, bytes]]:
        """Return the header that proves who asks, or none."""
        if not self.username:
            return []
        token = base64.b64encode(f"{self.username}:{self.password}".encode())
        return [(b"Proxy-Authorization", b"Basic " + token)]

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


@dataclasses.dataclass(frozen=True, slots=True)
class _Exception:
    """One entry of NO_PROXY: an address, a network, `localhost`, a domain, each also `scheme://` or `:port`."""

    scheme: str
    host: str
    port: int | None

    @classmethod
    def parse(cls, entry: str) -> Self:
        scheme, _, rest = entry.rpartition("://")
        if _network(rest):
            return cls(scheme, rest, None)
        host, _, port = rest.rpartition(":")
        if host and port.isdecimal():
            return cls(scheme, host.strip("[]"), int(port))
        return cls(scheme, rest.strip("[]"), None)

    def holds(self, url: httpx.URL, port: int) -> bool:
        if self.scheme not in {"", "all", url.scheme} or self.port not in {None, port}:
            return False
        if network := _network(self.host):
            address = _network(url.host)
            return address is not None and address[0] in network
        if self.host == "localhost":
            return url.host == "localhost"
        # `.example.com` leaves example.com itself to the proxy, `example.com` does not.
        domain = self.host.lstrip("*")
        return url.host.endswith(domain if domain.startswith(".") else f".{domain}") or url.host == domain


class Environment:
    """The usual variables, as `urllib.request.getproxies` reads them (lower case wins), read as httpx does.

    Networks in NO_PROXY (10.0.0.0/8) hold for hosts given as addresses.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._by_scheme = {name: variables[name] for name in ("http", "https", "all") if variables.get(name)}
        entries = [entry.strip().lower() for entry in variables.get("no", "").split(",")]
        if "*" in entries:
            self._by_scheme.clear()
        self._exceptions = [_Exception.parse(entry) for entry in entries if entry]

    def proxy(self, url: httpx.URL, port: int) -> str | None:
        found = self._by_scheme.get(url.scheme) or self._by_scheme.get("all")
        if found is None or any(exception.holds(url, port) for exception in self._exceptions):
            return None
        return found


def choose(path: Path, url: httpx.URL, port: int, environment: Environment) -> Proxy | None:
    """Return the proxy that leads to a URL, None for the direct way; raises `Misconfigured`."""
    if path.proxy == "none":
        return None
    found = environment.proxy(url, port) if path.proxy == "environment" else path.proxy
    return Proxy.parse(found) if found else None


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text.strip("[]"), strict=False)
    except ValueError:
        return None
