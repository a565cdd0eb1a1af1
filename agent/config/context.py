"""What expansion needs to know of the world, and the checks that many keys share."""

import dataclasses
import ipaddress
import os
import socket
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path as FilePath
from typing import Self
from urllib.parse import SplitResult, urlsplit

from agent.config.findings import BadValueError, Findings, Path
from agent.config.references import Reference, pieces
from agent.config.secrets import join_url
from agent.config.sources import Sources


@dataclasses.dataclass(frozen=True, slots=True)
class Host:
    """The machine that the daemon runs on."""

    name: str
    home: FilePath
    root: bool

    @classmethod
    def here(cls) -> Self:
        return cls(socket.gethostname(), FilePath("~").expanduser(), os.geteuid() == 0)


@dataclasses.dataclass(frozen=True, slots=True)
class Context:
    """`base` is the folder of the file, which relative paths start from; `secrets_dir` that of `${secret:...}`."""

    findings: Findings
    environ: Mapping[str, str]
    base: FilePath
    host: Host
    no_secrets: bool = False
    secrets_dir: str | None = None
    today: date = dataclasses.field(default_factory=lambda: datetime.now(UTC).date())

    def setting(self, path: Path, text: str) -> str:
        """Return a setting that is no secret with its variables put in; an unset one is an error."""
        try:
            return "".join(self._shown(piece) for piece in pieces(text))
        except LookupError as error:
            if not self.no_secrets:
                self.findings.error(path, str(error.args[0]))
        except BadValueError as error:
            self.findings.error(path, str(error))
        return text

    def _shown(self, piece: str | Reference) -> str:
        if isinstance(piece, str):
            return piece
        if piece.kind != "variable":
            raise BadValueError(
                "a file's content is a secret, and this is shown; write it out or use ${NAME}"
            )
        return Sources(self.environ).value(piece)

    def secret(self, path: Path, text: str) -> str | None:
        """Return what a secret text stands for now, to be judged and forgotten; None where that is not known."""
        sources, found = Sources(self.environ, self.secrets_dir), pieces(text)
        homeless = self.secrets_dir is None and any(
            isinstance(piece, Reference) and piece.kind == "secret" for piece in found
        )
        try:
            return join_url(
                [
                    (piece, False) if isinstance(piece, str) else (sources.value(piece), True)
                    for piece in found
                ]
            )
        except LookupError as error:
            if homeless or not self.no_secrets:
                self.findings.error(path, str(error.args[0]))
        return None

    def warn_of_spelled_out(self, path: Path, what: str = "") -> None:
        """Warn of a secret that stands in the file itself."""
        self.findings.warn(
            path,
            f"{what}is spelled out in the file; write ${{NAME}}, ${{file:/path}} or ${{secret:a/b}} instead",
        )

    def known(self, text: str) -> bool:
        """Return whether a setting is resolved: one that stands for nothing here still holds its reference."""
        return "${" not in text

    def file(self, path: Path, text: str) -> str:
        """Return a file's absolute path; one that is not there is an error."""
        name = self.setting(path, text)
        found = self.base / self._home(name)
        if not self.no_secrets and not found.is_file():
            self.findings.error(path, f"there is no file {found}; write it, or mend the path")
        return str(found)

    def folder(self, path: Path, text: str) -> str:
        return str(self.base / self._home(self.setting(path, text)))

    def url(self, path: Path, text: str, schemes: tuple[str, ...] = ("http", "https")) -> SplitResult | None:
        """Return the parts of a URL; one that cannot be called is an error that does not quote it."""
        wanted = " or ".join(f"{scheme}://" for scheme in schemes)
        fault = _fault(text)
        if fault is not None:
            self.findings.error(path, f"{fault}; write it as {schemes[0]}://host:port/path")
            return None
        parts = urlsplit(text)
        if parts.scheme not in schemes:
            # Neither is the scheme quoted: a key pasted in front of a colon would be one.
            self.findings.error(
                path, f"does not begin with {wanted}; write it as {schemes[0]}://host:port/path"
            )
            return None
        return parts

    def _home(self, name: str) -> FilePath:
        if name == "~" or name.startswith("~/"):
            return self.host.home / name[2:]
        return FilePath(name)


def _fault(url: str) -> str | None:
    """Return what is wrong with a URL, which is not quoted: it may hold a password.

    >>> _fault("http://h:99999"), _fault("http://[::1"), _fault("http://[::1]:80/")
    ('has a port over 65535', 'opens a bracket and does not close it', None)
    """
    if any(char.isspace() for char in url):
        return "holds a space or a line break"
    if not url.isprintable():
        return "holds a character that cannot be seen"
    try:
        parts = urlsplit(url)
    except ValueError:
        if url.count("[") > url.count("]"):
            return "opens a bracket and does not close it"
        return "has a host that is neither a name nor an address"
    return _port_fault(parts) if parts.hostname else "is not a URL with a host"


def _port_fault(parts: SplitResult) -> str | None:
    try:
        return "has port 0, which nobody listens on" if parts.port == 0 else None
    except ValueError:
        digits = parts.netloc.rpartition(":")[2].isdigit()
        return "has a port over 65535" if digits else "has a port that is not a number"


def loopback(host: str | None) -> bool:
    """Return whether a host is this machine itself.

    >>> loopback("localhost"), loopback("127.0.0.8"), loopback("::1"), loopback("10.0.0.1"), loopback("vllm")
    (True, True, True, False, False)
    """
    if host is None or host == "localhost" or host.endswith(".localhost"):
        return host is not None
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
