"""What a secret says of its own end: a JSON Web Token, or a short-term API key of Amazon Bedrock, which is a signed URL."""

import base64
import json
from datetime import UTC, datetime
from typing import Final, NamedTuple
from urllib.parse import parse_qs

from probes.loose import mapping

_BEDROCK: Final = "bedrock-api-key-"


class Life(NamedTuple):
    """From when to when a token holds, UTC seconds since the epoch; its begin is not always said."""

    began_s: float | None
    ends_s: float


def life(secret: str) -> Life | None:
    """Return how long a token holds; None of a secret that does not say so, as hardly any API key does.

    >>> claims = base64.urlsafe_b64encode(b'{"iat": 1699996400, "exp": 1700000000}').decode().rstrip("=")
    >>> life(f"e30.{claims}.c2ln"), life("sk-proj-0123456789")
    (Life(began_s=1699996400.0, ends_s=1700000000.0), None)
    """
    return _of_url(secret.removeprefix(_BEDROCK)) if secret.startswith(_BEDROCK) else _of_claims(secret)


def _of_claims(secret: str) -> Life | None:
    parts = secret.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = mapping(json.loads(_decoded(parts[1])))
    except ValueError:
        return None
    ends, began = _seconds(claims.get("exp")), _seconds(claims.get("iat")) or _seconds(claims.get("nbf"))
    return None if ends is None else Life(began, ends)


def _of_url(encoded: str) -> Life | None:
    """Return what the signature of a URL is good for: so many seconds from its date on."""
    try:
        asked = parse_qs(_decoded(encoded).decode().partition("?")[2])
        dated, seconds = asked["X-Amz-Date"][0], int(asked["X-Amz-Expires"][0])
        began_s = datetime.strptime(dated, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except (ValueError, KeyError):
        return None
    return Life(began_s, began_s + seconds)


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text.translate({ord("+"): "-", ord("/"): "_"}) + "==")


def _seconds(claim: object) -> float | None:
    known = isinstance(claim, int | float) and not isinstance(claim, bool) and 0 < claim < 1e11
    return float(claim) if known and isinstance(claim, int | float) else None
