"""What expansion needs to know of the world, and the checks that many keys share."""

import dataclasses
import ipaddress
import os
import socket
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Self
from urllib.parse import SplitResult, urlsplit

from agent.config.findings import BadValueError, Findings, Path
from agent.config.references import Reference, pieces
from agent.config.secrets import join_url


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
    """`base` is the folder of the file, which relative paths start from."""

    findings: Findings
    environ: Mapping[str, str]
    base: FilePath
    host: Host
    no_secrets: bool = False

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
        if piece.file:
            raise BadValueError(
                "a file's content is a secret, and this is shown; write it out or use ${NAME}"
            )
        return piece.value(self.environ)

    def secret(self, path: Path, text: str) -> str | None:
        """Return what a secret text stands for now, to be judged and forgotten; None where that is not known."""
        try:
            return join_url(
                [
                    (piece, False) if isinstance(piece, str) else (piece.value(self.environ), True)
                    for piece in pieces(text)
                ]
            )
        except LookupError as error:
            if not self.no_secrets:
                self.findings.error(path, str(error.args[0]))
        return None

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
        try:
            parts = urlsplit(text)
            usable = bool(parts.hostname) and (parts.port is None or parts.port > 0)
        except ValueError:
            usable = False
        if not usable or any(char.isspace() or not char.isprintable() for char in text):
            self.findings.error(path, f"is not a URL with a host; write it as {schemes[0]}://host:port/path")
            return None
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
