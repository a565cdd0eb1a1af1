"""References to secrets, and secrets out of texts."""

import base64
import contextlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Self
from urllib.parse import quote, quote_plus, unquote

from agent.config.findings import BadValueError
from agent.config.model import Config, Receiver
from agent.config.references import Reference, literal, pieces, references
from agent.config.sources import Sources
from probes.base import SigningError
from probes.secret_header import TAKES
from probes.target import Target

BLOT = "[redacted]"

MIN_LENGTH = 6
"""Shorter values are not blotted: `a` for a secret would blot every text into nothing."""

MAX_KNOWN = 1000
"""Values remembered; the oldest go first, as tokens that a file rotates hourly would add up for ever."""

NAMING = ("aws", "entra", "google", "oci")
"""Credentials that name where a vendor's library finds an identity."""

NAMES = frozenset({"default", "workload", "managed", "environment", "instance", "resource"})
"""Words that name an identity: whatever refers to them, they are no secrets, and stand in many sentences."""

_SENSITIVE = re.compile(
    r"(?:^|[-_])(?:auth|authorization|apikey|key|token|secret|cookie|password|credentials?)(?:$|[-_])",
    re.IGNORECASE,
)
_MARK = re.compile("\ue000([0-9]{1,6})\ue001")
_USERINFO = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)([^/?#]*)@(.*)", re.DOTALL)


def sensitive(name: str) -> bool:
    """Return whether a header of this name holds a secret.

    >>> [sensitive(name) for name in ("Authorization", "x-litellm-api-key", "x-team", "x-keyboard")]
    [True, True, False, False]
    """
    return _SENSITIVE.search(name) is not None


def passwords(url: str) -> Iterator[str]:
    """Yield what a URL spells out of its password, which may hold references besides.

    >>> list(passwords("http://me:old-${PW}@proxy:3128")), list(passwords("http://proxy:3128"))
    (['old-', ''], [])
    """
    found = _USERINFO.fullmatch(_marked(pieces(url)))
    if found:
        yield from _MARK.split(found[2].partition(":")[2])[::2]


class Secrets:
    """Resolves references at each use, so that a rotated file is read anew, and remembers what to blot out."""

    def __init__(
        self, environ: Mapping[str, str], known: Iterable[str] = (), folder: str | None = None
    ) -> None:
        self._sources = Sources(environ, folder)
        self._known: dict[str, tuple[str, ...]] = {}
        self._blots: tuple[str, ...] | None = ()
        for value in known:
            self._remember(value)

    @classmethod
    def of(cls, config: Config, environ: Mapping[str, str]) -> Self:
        """Return secrets that know what the file spells out, and what its references stand for already."""
        secrets = cls(environ, _spelled_out(config), config.secrets_dir)
        for text in _referring(config):
            for reference in references(text):
                with contextlib.suppress(LookupError):
                    secrets._value(reference)
        return secrets

    def resolve(self, text: str) -> str:
        """Return the text with its references replaced, or raise `SigningError`."""
        return "".join(value for value, _ in self._parts(text))

    def resolve_url(self, text: str) -> str:
        """Return the URL with its references replaced, or raise `SigningError`.

        What a reference brings into user name or password is percent-encoded, as a password may hold `@` or `/`.
        """
        return join_url(self._parts(text))

    def forget(self) -> None:
        """Have every file read anew at its next use; what was a secret stays one."""
        self._sources.forget()

    def learn(self, secret: str) -> None:
        """Have a secret that was got elsewhere (a token) blotted out from now on as well."""
        self._remember(secret)

    def redact(self, text: str) -> str:
        """Return the text with every secret that was ever resolved or learnt blotted out, in its encoded forms too."""
        blots = self._blots
        if blots is None:
            forms = {form for known in tuple(self._known.values()) for form in known}
            blots = self._blots = tuple(sorted(forms, key=len, reverse=True))
        for blot in blots:
            if blot in text:
                text = text.replace(blot, BLOT)
        return text

    def _parts(self, text: str) -> list[tuple[str, bool]]:
        try:
            return [(self._value(piece), isinstance(piece, Reference)) for piece in pieces(text)]
        except (LookupError, BadValueError) as error:
            raise SigningError(str(error.args[0])) from None

    def _value(self, piece: str | Reference) -> str:
        if isinstance(piece, str):
            return piece
        value = self._sources.value(piece)
        self._remember(value)
        return value

    def _remember(self, value: str) -> None:
        if len(value) < MIN_LENGTH or value in NAMES or value in self._known:
            return
        while len(self._known) >= MAX_KNOWN:
            del self._known[next(iter(self._known))]
        self._known[value] = tuple(_forms(value))
        self._blots = None


def join_url(parts: list[tuple[str, bool]]) -> str:
    """Return a URL from (text, whether a reference brought it); the latter is percent-encoded before the `@`.

    >>> join_url([("postgresql://me:", False), ("p@/ss", True), ("@db/x?a=", False), ("b/c", True)])
    'postgresql://me:p%40%2Fss@db/x?a=b/c'
    """
    marked = _marked([None if brought else text for text, brought in parts])
    found = _USERINFO.fullmatch(marked)
    head, userinfo, tail = found.groups() if found else ("", "", marked)

    def fill(text: str, change: Callable[[str], str]) -> str:
        return _MARK.sub(
            lambda mark: change(parts[int(mark[1])][0]) if int(mark[1]) < len(parts) else "", text
        )

    return head + fill(userinfo, lambda text: quote(text, safe="")) + ("@" if found else "") + fill(tail, str)


def _marked(parts: Iterable[object]) -> str:
    """Return a URL in which private-use characters stand in for what is no text: its `@` cannot move the host."""
    return "".join(part if isinstance(part, str) else f"\ue000{n}\ue001" for n, part in enumerate(parts))


def _spelled_out(config: Config) -> Iterator[str]:
    """Yield the secrets that stand in the file itself, in headers only where the name says so."""
    for target in config.targets:
        yield from (literal(text) for text in _credentials(target) if not references(text))
        yield from (
            literal(text) for name, text in target.headers.items() if sensitive(name) and not references(text)
        )
    for receiver in config.receivers:
        yield from (literal(text) for text in _keys_of(receiver) if not references(text))
    for url in _urls(config):
        for text in passwords(url):
            yield from (text, unquote(text))
    if config.heartbeat is not None and not references(config.heartbeat.url):
        yield config.heartbeat.url


def _credentials(target: Target) -> Iterator[str]:
    """Yield the credentials that are secrets, or refer to one; a token's file does, by its path.

    The others (`entra: workload`) say where an identity is found, and stand in sentences that tell of it; what one of
    them refers to is blotted out all the same, for it may have been a secret by mistake.
    """
    for key, text in target.credentials.items():
        if key in TAKES:
            yield f"${{file:{literal(text)}}}" if key == "token_file" else text
        elif key in NAMING and references(text):
            yield text


def _keys_of(receiver: Receiver) -> Iterator[str]:
    """Yield what is a secret of a receiver, its URL included: to some kinds that is the whole of the proof."""
    yield from filter(None, (receiver.routing_key, receiver.api_key, receiver.secret, receiver.url))


def _referring(config: Config) -> Iterator[str]:
    for target in config.targets:
        yield from _credentials(target)
        yield from target.headers.values()
    for receiver in config.receivers:
        yield from _keys_of(receiver)
    yield from _urls(config)
    if config.heartbeat is not None:
        yield config.heartbeat.url


def _urls(config: Config) -> Iterator[str]:
    yield from (target.path.proxy for target in config.targets)
    if config.storage.url is not None:
        yield config.storage.url
    for receiver in config.receivers:
        yield from filter(None, (*receiver.urls, receiver.smtp))


def _forms(value: str) -> Iterator[str]:
    """Yield a secret as it may stand in a text: plain, escaped in JSON, in a URL, or inside some base64."""
    yield value
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield quote(value, safe="")
    yield quote(value)
    yield quote_plus(value)
    raw = value.encode()
    for shift in range(3):
        # Base64 of `user:secret` holds the secret at one of three alignments: 8 bits a byte over 6 a letter.
        # The letters that share bits with a neighbour are left off at both ends.
        letters = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        inner = letters[-(-shift * 8 // 6) : (shift + len(raw)) * 8 // 6]
        if len(inner) >= MIN_LENGTH:
            yield inner
            yield inner.replace("+", "-").replace("/", "_")
