"""What an answer tells of the gateway that passed it on: whether it came out of a cache, and where a failing happened."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from probes.result import Outcome

Place = Literal["gateway", "upstream", "unreached"]
"""Where a failing happened: in the gateway itself, in what is behind it, or on the way between the two."""

FAILED_AT: Final = "failed_at"
"""The backend fact that names the place."""


class Sign(NamedTuple):
    """Tells a place by what the name of a header begins with, or by what is found in the text of the error."""

    place: Place
    header: str | None = None
    text: str | None = None

    def holds(self, headers: Mapping[str, str], text: str) -> bool:
        if self.header is not None:
            return any(name.startswith(self.header) for name in headers)
        return self.text is not None and re.search(self.text, text) is not None


class Failing(NamedTuple):
    """Where a failing happened, and whether the gateway holds the identity that what is behind it asks for."""

    place: Place
    holds_keys: bool

    @property
    def said(self) -> str:
        """Return the place in words, as they follow the status."""
        return _SAID[self.place]

    def remedy(self, outcome: Outcome, status: int) -> str | None:
        """Return what to do, where it is not what one would do without a gateway."""
        if self.place == "unreached":
            return "check the address that the gateway has for it, and its way there"
        if self.place == "upstream" and self.holds_keys and status in {401, 403, 498}:
            return "the gateway's own key was refused there, check the key that the gateway holds"
        if self.place == "gateway" and outcome in {Outcome.SERVER_ERROR, Outcome.OVERLOADED}:
            return "look at the gateway's log, and at what it says of the servers behind it"
        return None


_SAID: Mapping[Place, str] = {
    "gateway": " (the gateway itself)",
    "upstream": " (what is behind the gateway)",
    "unreached": " (the gateway got no answer from behind it)",
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """How one gateway is read.

    `hits` maps headers to the values (patterns) that tell of an answer out of its cache. `signs` tell where a
    failing happened: the first that holds; where none does, the gateway itself failed or refused. Without signs
    nothing is said of the place. `names` find an error's name in its text, where type and code hide it: pattern and
    name, which may refer to a group of the pattern; the first that is found.
    `holds_keys` says whether the gateway, and not the probe, has the identity for what is behind it.
    """

    hits: Mapping[str, str] = dataclasses.field(default_factory=dict)
    signs: tuple[Sign, ...] = ()
    names: tuple[tuple[str, str], ...] = ()
    holds_keys: bool = False

    def cached(self, headers: Mapping[str, str]) -> bool:
        """Return whether the answer came out of the gateway's cache.

        >>> PORTKEY.cached({"x-portkey-cache-status": "SEMANTIC HIT"})
        True
        >>> PORTKEY.cached({"x-portkey-cache-status": "MISS"}), LITELLM.cached({})
        (False, False)
        """
        return any(re.fullmatch(value, headers.get(name, "")) for name, value in self.hits.items())

    def failing(self, headers: Mapping[str, str], text: str) -> Failing | None:
        """Return where a failing happened, by the answer's lower-cased headers and the error's text.

        >>> LITELLM.failing({"llm_provider-date": "..."}, "litellm.RateLimitError: ...").place
        'upstream'
        """
        if not self.signs:
            return None
        holding = (sign.place for sign in self.signs if sign.holds(headers, text))
        return Failing(next(holding, "gateway"), self.holds_keys)

    def named(self, text: str) -> str | None:
        """Return the name that an error bears in its text.

        >>> LITELLM.named("litellm.ContextWindowExceededError: litellm.BadRequestError: too long")
        'ContextWindowExceededError'
        """
        return next(
            (found.expand(name) for what, name in self.names if (found := re.search(what, text))), None
        )


LITELLM: Final = Gateway(
    # The key is told of answers that the cache gave, and of no others.
    hits={"x-litellm-cache-key": ".+"},
    signs=(
        # It passes the head of what answered it on, under names of its own.
        Sign("upstream", header="llm_provider-"),
        Sign("unreached", text=r"^litellm\.(Timeout|APIConnectionError)\b|^litellm\..* - Connection error"),
        # What it says in another's words bears the other's name; "litellm." alone may be a check of its own.
        Sign("upstream", text=r"^litellm\..*Exception\b.* - "),
        # A connection that broke, as its Anthropic messages tell of it: in the words of its HTTP library alone.
        Sign("upstream", text=r"^Response payload is not completed"),
    ),
    names=(
        (r"^litellm\..*exceeded your current quota", "insufficient_quota"),
        (r"^litellm\..*(ContentPolicyViolationError)", r"\1"),
        (r"^litellm\.(\w+):", r"\1"),
    ),
    holds_keys=True,
)

PORTKEY: Final = Gateway(
    hits={"x-portkey-cache-status": "(SEMANTIC )?HIT"},
    signs=(
        Sign("gateway", header="x-portkey-gateway-exception"),
        Sign("unreached", text=r"Message: fetch failed|^Request exceeded the timeout sent in the request"),
        # Named as soon as it chose whom to ask; what it refuses itself comes without.
        Sign("upstream", header="x-portkey-provider"),
    ),
)

ANY: Final = Gateway(hits={**LITELLM.hits, **PORTKEY.hits})
"""For a server that may be a gateway of either kind, or none: only its cache is known."""
