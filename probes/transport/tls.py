"""TLS over any channel: handshake over memory BIOs, what a certificate and a refusal say."""

import contextlib
import functools
import ssl
from datetime import UTC, datetime

from probes.base import Read
from probes.target import Path
from probes.transport import errors
from probes.transport.sending import Handed
from probes.transport.sockets import Arrival, Channel

_RECORD = 16_384
# What OpenSSL calls a certificate that is not trusted: (X509_V_ERR number) -> reason.
_VERIFY = {
    9: "not yet valid",
    10: "expired",
    2: "unknown issuer",
    18: "unknown issuer",
    19: "unknown issuer",
    20: "unknown issuer",
    21: "unknown issuer",
    62: "other name",
    64: "other name",
}
_REMEDY = {
    "not yet valid": "check the clock of this machine, then the server's certificate",
    "expired": "renew it on the server",
    "unknown issuer": "set tls.ca to the PEM file of its issuer (a gateway that intercepts TLS signs with its own)",
    "other name": "correct the host of the endpoint, or set tls.server_name to the name that the certificate bears",
}
_REMEDY_ON_THE_WAY = {
    "not yet valid": "check the clock of this machine, then ask the proxy's operators",
    "unknown issuer": "set the network's ca to the PEM file of the proxy's issuer",
}
_OF_CLIENT = frozenset(
    {
        "CERTIFICATE_REQUIRED", "CERTIFICATE_EXPIRED", "CERTIFICATE_REVOKED", "CERTIFICATE_UNKNOWN",
        "BAD_CERTIFICATE", "UNSUPPORTED_CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED",
    }
)  # fmt: skip
"""Alerts by which a server speaks of its client's certificate (RFC 8446, section 6)."""

_SAYS = {
    "not yet valid": "is not valid yet",
    "expired": "has expired",
    "unknown issuer": "is signed by an issuer that is not trusted here",
    "other name": "is made out to another name",
}


class Tls:
    """A channel inside a channel."""

    def __init__(self, channel: Channel, context: ssl.SSLContext, server_name: str) -> None:
        self._channel = channel
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._ssl = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)
        self._closed = False

    @property
    def certificate(self) -> bytes | None:
        """Return the peer's certificate once the handshake is done."""
        return self._ssl.getpeercert(binary_form=True)

    @property
    def expires_s(self) -> int | None:
        """Return when the peer's certificate ends, UTC seconds, once the handshake is done."""
        der = self.certificate
        return not_after(der) if der else None

    @property
    def open(self) -> bool:
        return self._channel.open and not self._closed

    async def handshake(self) -> None:
        """Raises ssl.SSLError and OSError."""
        while True:
            try:
                self._ssl.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                self._take((await self._channel.read()).data)
            except ssl.SSLError:
                with contextlib.suppress(OSError):  # the alert that tells the server why
                    await self._flush()
                raise
            else:
                await self._flush()
                return

    async def send(self, data: bytes) -> Handed:
        self._ssl.write(data)
        return await self._channel.send(self._outgoing.read())

    async def read(self) -> Arrival:
        """Return what one read of the channel below carried, all its records joined."""
        while not self._closed:
            data, read = await self._channel.read()
            self._take(data)
            plain = self._decrypt()
            with contextlib.suppress(
                OSError
            ):  # our part of a farewell or of new keys; the reads tell of an end
                await self._flush()
            if plain or self._closed:
                return Arrival(plain, read._replace(trailing=True) if self._closed else read)
        return Arrival(b"", Read(0, kernel=False, after_ns=None))

    def _take(self, data: bytes) -> None:
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def _decrypt(self) -> bytes:
        pieces = []
        try:
            while piece := self._ssl.read(_RECORD):
                pieces.append(piece)
            self._closed = True
        except ssl.SSLWantReadError:
            pass
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            self._closed = True
        return b"".join(pieces)

    async def _flush(self) -> None:
        if self._outgoing.pending:
            await self._channel.send(self._outgoing.read())


def unverified() -> ssl.SSLContext:
    """Return a context that trusts anybody: to look at a certificate that was refused, never to send over."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def failure(
    error: ssl.SSLError | OSError, host: str, path: Path, expires_s: int | None = None
) -> errors.TlsFailed | errors.ClientRefused:
    """Return what a failed handshake with a host (`name:port`) means, and what to do."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _distrusted(error, host, path, expires_s)
    if not isinstance(error, ssl.SSLError) or isinstance(error, ssl.SSLEOFError):
        return errors.TlsFailed(
            f"{host} closed the connection during the TLS handshake: "
            "check that the port speaks TLS, and whether the server wants a client certificate (tls.cert, tls.key)",
            reason="closed",
        )
    code = error.reason or "unknown"
    if code in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE"}:
        return errors.TlsFailed(
            f"{host} does not answer in TLS: use http:// in the endpoint, or the port that speaks TLS",
            reason="not tls",
        )
    words = code.lower().replace("_", " ")
    if code.partition("ALERT_")[2] in _OF_CLIENT:
        return _refused(code, words, host, path)
    return errors.TlsFailed(
        f"the TLS handshake with {host} failed ({words}): check which TLS versions and ciphers the server offers, "
        "and whether it wants a client certificate (tls.cert, tls.key)",
        reason=words,
    )


def _refused(code: str, words: str, host: str, path: Path) -> errors.ClientRefused:
    """Return what a server's alert about our certificate means: an identity refused, as by a 401."""
    if path.cert is None or "REQUIRED" in code:
        return errors.ClientRefused(
            f"{host} wants a client certificate that it trusts: set tls.cert and tls.key",
            reason="client certificate",
        )
    if "EXPIRED" in code:
        return errors.ClientRefused(
            f"{host} says that the client certificate {path.cert} has expired: renew it, and its key with it",
            reason="client certificate expired",
        )
    return errors.ClientRefused(
        f"{host} does not take the client certificate {path.cert} ({words}): "
        "set tls.cert and tls.key to a pair of an issuer that it trusts",
        reason="client certificate refused",
    )


def _distrusted(
    error: ssl.SSLCertVerificationError, host: str, path: Path, expires_s: int | None
) -> errors.TlsFailed:
    reason = _VERIFY.get(error.verify_code, error.verify_message)
    says = _SAYS.get(reason, f"is refused ({error.verify_message})")
    if reason == "expired" and expires_s is not None:
        says = f"has expired on {datetime.fromtimestamp(expires_s, UTC):%Y-%m-%d at %H:%M UTC}"
    if path.intercepted:
        remedy = _REMEDY_ON_THE_WAY.get(reason, "ask its operators for one that names the host and is valid")
        return errors.TlsFailed(
            f"the certificate that the intercepting proxy shows for {host} {says}: {remedy}", reason=reason
        )
    remedy = _REMEDY.get(reason, "check the certificate and its chain on the server")
    return errors.TlsFailed(f"the certificate of {host} {says}: {remedy}", reason=reason)


@functools.lru_cache(maxsize=1024)  # a server shows the same one to every probe
def not_after(der: bytes) -> int | None:
    """Return the end of an X.509 certificate (RFC 5280, section 4.1) as UTC seconds; None where it is no such.

    Certificate -> tbsCertificate -> [version], serial, signature, issuer, validity -> notBefore, notAfter.
    """
    try:
        _, start, _ = _element(der, 0)
        _, at, _ = _element(der, start)
        tag, _, end = _element(der, at)
        at = end if tag == 0xA0 else at  # the version, absent in v1
        for _ in range(3):
            _, _, at = _element(der, at)
        _, at, _ = _element(der, at)
        _, _, at = _element(der, at)
        tag, start, end = _element(der, at)
        text = der[start:end].decode("ascii")
        if tag == 0x17:  # UTCTime has two digits of the year: below 50 it is 20xx
            text = ("20" if text < "5" else "19") + text
        return int(datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp())
    except (IndexError, ValueError):
        return None


def _element(der: bytes, at: int) -> tuple[int, int, int]:
    """Return tag, start and end of the content of the DER element at an offset."""
    tag, length, at = der[at], der[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        length = int.from_bytes(der[at : at + size], "big")
        at += size
    return tag, at, at + length
