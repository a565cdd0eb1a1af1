"""Who a certificate is made out to and who signed it, for people who look at a connection."""

import dataclasses
from collections.abc import Iterator
from typing import Final

from probes.transport.tls import _element, not_after

_COMMON_NAME: Final = bytes.fromhex("550403")
_ORGANISATION: Final = bytes.fromhex("55040a")


@dataclasses.dataclass(frozen=True, slots=True)
class Certificate:
    """Names are the common name, else the organisation, else empty; `expires_s` is UTC seconds."""

    subject: str
    issuer: str
    expires_s: int | None


def certificate(der: bytes) -> Certificate | None:
    """Return what an X.509 certificate (RFC 5280, section 4.1) says of itself; None where it is no such.

    tbsCertificate -> [version], serial, signature, issuer, validity, subject.
    """
    try:
        _, start, _ = _element(der, 0)
        _, at, _ = _element(der, start)
        tag, _, end = _element(der, at)
        at = end if tag == 0xA0 else at
        for _ in range(2):
            _, _, at = _element(der, at)
        issuer = at
        _, _, at = _element(der, issuer)
        _, _, subject = _element(der, at)
        return Certificate(_name(der, subject), _name(der, issuer), not_after(der))
    except (IndexError, ValueError):
        return None


def _name(der: bytes, at: int) -> str:
    known = dict(_attributes(der, at))
    return known.get(_COMMON_NAME) or known.get(_ORGANISATION) or ""


def _attributes(der: bytes, at: int) -> Iterator[tuple[bytes, str]]:
    """Yield (object identifier, text) of a name: a sequence of sets of pairs; the last of a kind is the most specific."""
    _, start, end = _element(der, at)
    while start < end:
        _, pair, start = _element(der, start)
        _, kind, _ = _element(der, pair)
        _, from_, to = _element(der, kind)
        _, value, value_end = _element(der, to)
        yield der[from_:to], der[value:value_end].decode("utf-8", "replace")
