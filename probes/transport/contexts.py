"""SSL contexts of paths: built once, again when a file changed, and what is wrong with such a file."""

import os
import ssl
from pathlib import Path as File

import certifi

from probes.target import Path
from probes.transport import errors
from probes.transport.tls import not_after

_State = tuple[tuple[int, int, int] | None, ...]


class Contexts:
    """SSL contexts by (ca, cert, key), each built once and again when one of its files changed."""

    def __init__(self) -> None:
        self._built: dict[tuple[str | None, ...], tuple[_State, ssl.SSLContext]] = {}

    def get(self, path: Path) -> ssl.SSLContext:
        """Return the path's context, or raise `Misconfigured`; building one reads files (20 ms)."""
        key = (path.ca, path.cert, path.key)
        state = _state(key)
        known = self._built.get(key)
        if known is not None and known[0] == state:
            return known[1]
        try:
            built = _build(path)
        except errors.Misconfigured:
            if _state(key) == state:
                raise
            built = _build(path)  # a rotation fell between certificate and key; now both are of one issue
        self._built[key] = (state, built)
        return built


def expiry(cert: str) -> int | None:
    """Return when the first certificate of a PEM file ends, UTC seconds; None where that cannot be told."""
    try:
        text = File(cert).read_text(encoding="ascii", errors="replace")
        first = text[text.index(ssl.PEM_HEADER) :]
        return not_after(ssl.PEM_cert_to_DER_cert(first[: first.index(ssl.PEM_FOOTER)] + ssl.PEM_FOOTER))
    except (OSError, ValueError):
        return None


def _state(files: tuple[str | None, ...]) -> _State:
    return tuple(_seen(name) for name in files if name)


def _seen(name: str) -> tuple[int, int, int] | None:
    """Return what tells one content of a file from the next; a mounted Secret is another file each time."""
    try:
        found = os.stat(name)  # noqa: PTH116 - once a request
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def _build(path: Path) -> ssl.SSLContext:
    context = _trusting(path.ca)
    if path.cert and path.key:
        _identify(context, path.cert, path.key)
    context.set_alpn_protocols(["http/1.1"])
    return context


def _trusting(ca: str | None) -> ssl.SSLContext:
    if ca is None:
        return ssl.create_default_context(cafile=_bundle())
    try:
        return ssl.create_default_context(cafile=ca)
    except OSError as error:
        _holding("CA file", ca, "CERTIFICATE", "certificate")
        raise errors.Misconfigured(
            f"the CA file {ca} cannot be used ({error.strerror or error}): "
            "write the issuer's certificate there, in PEM"
        ) from error


def _bundle() -> str | None:
    """Return None where the system trusts anybody (then its store is used), else certifi's file."""
    paths = ssl.get_default_verify_paths()
    has_folder = paths.capath is not None and bool(os.listdir(paths.capath))  # noqa: PTH208 - names only
    return None if paths.cafile or has_folder else certifi.where()


def _identify(context: ssl.SSLContext, cert: str, key: str) -> None:
    asked: list[bool] = []

    def passphrase() -> str:
        # Without a callback OpenSSL would ask on the terminal and wait.
        asked.append(True)
        return ""

    try:
        context.load_cert_chain(cert, key, password=passphrase)
    except OSError as error:
        _holding("client certificate", cert, "CERTIFICATE", "certificate")
        _holding("client key", key, "PRIVATE KEY", "private key")
        if asked:
            raise errors.Misconfigured(
                f"the client key {key} is encrypted, and nobody is there to type its passphrase: "
                "write it without one (openssl pkey -in KEY -out PLAIN) where only the agent can read it"
            ) from error
        if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
            raise errors.Misconfigured(
                f"the client key {key} does not belong to the client certificate {cert}: "
                "set tls.cert and tls.key to a pair that was issued together"
            ) from error
        raise errors.Misconfigured(
            f"the client certificate {cert} and its key {key} cannot be used ({error.strerror or error}): "
            "set tls.cert and tls.key to a pair in PEM"
        ) from error


def _holding(what: str, name: str, mark: str, noun: str) -> None:
    """Raise `Misconfigured` where a file cannot be read or holds nothing of the kind."""
    try:
        content = File(name).read_bytes()
    except OSError as error:
        raise errors.Misconfigured(
            f"the {what} {name} cannot be read ({error.strerror}): mend the path or its permission"
        ) from error
    if f"{mark}-----".encode() not in content:
        raise errors.Misconfigured(
            f"the {what} {name} holds no {noun} in PEM: write it there as -----BEGIN ..."
        )
