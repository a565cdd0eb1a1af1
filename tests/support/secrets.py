"""Secrets out of a dictionary."""

import base64
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from probes.base import SigningError


class FakeSecrets:
    """Resolves `${NAME}` and `${file:/path}` from what it is given, and blots all of it out."""

    def __init__(self, known: Mapping[str, str]) -> None:
        self._known = known
        self.learnt: set[str] = set()
        self.forgotten = 0

    def resolve(self, text: str) -> str:
        return re.sub(r"\$\{([^}]+)\}", lambda found: self._value(found[1]), text)

    def resolve_url(self, text: str) -> str:
        return re.sub(r"\$\{([^}]+)\}", lambda found: quote(self._value(found[1]), safe=""), text)

    def redact(self, text: str) -> str:
        for value in filter(None, (*self._known.values(), *self.learnt)):
            text = text.replace(value, "***")
        return text

    def learn(self, secret: str) -> None:
        self.learnt.add(secret)

    def forget(self) -> None:
        self.forgotten += 1

    def _value(self, name: str) -> str:
        if name not in self._known:
            raise SigningError(f"{name} is not set: set it")
        return self._known[name]


def token(**claims: Any) -> str:
    """Return a JSON Web Token whose signature is nobody's."""
    return ".".join(
        base64.urlsafe_b64encode(part).decode().rstrip("=")
        for part in (b'{"alg": "RS256"}', json.dumps(claims).encode(), b"signed")
    )
