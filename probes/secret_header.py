"""A secret that proves identity as it stands, in a header: behind `authorization: Bearer`, or in a key header such as `api-key`."""

import re
from collections.abc import Mapping
from typing import Final

from probes.base import Secrets, SigningError
from probes.target import Target

TAKES: Final = ("api_key", "token", "token_file")
"""The credentials that are such secrets, in the order in which they are looked for."""

AUTHORIZATION: Final = "authorization"

_SENDABLE = re.compile(r"[\x21-\x7e]+")


def headers(target: Target, secrets: Secrets, key_header: str = AUTHORIZATION) -> Mapping[str, str] | None:
    """Return the header that proves a target's identity, None where it has no such credential.

    An `api_key` goes into `key_header`, a token always behind `Bearer`. Raises `SigningError` for what cannot be sent.
    """
    kind = next((kind for kind in TAKES if target.credentials.get(kind)), None)
    if kind is None:
        return None
    reference = target.credentials[kind]
    if kind == "token_file":
        # By way of the secrets, so that a token that was swapped on disk is read and blotted out too.
        reference = f"${{file:{secrets.resolve(reference)}}}"
    secret = secrets.resolve(reference).strip()
    if not _SENDABLE.fullmatch(secret):
        wrong = "is empty" if not secret else "holds spaces or signs that no header can carry"
        raise SigningError(f"credentials.{kind} of target {target.name} {wrong}: look at what it refers to")
    if kind == "api_key" and key_header != AUTHORIZATION:
        return {key_header: secret}
    return bearer(secret)


def bearer(token: str) -> Mapping[str, str]:
    """Return the header that carries a token.

    >>> bearer("t-1")
    {'authorization': 'Bearer t-1'}
    """
    return {AUTHORIZATION: f"Bearer {token}"}
