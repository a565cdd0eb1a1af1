"""What the kinds of probes usually do, and which keys mean nothing to them."""

import dataclasses
from collections.abc import Mapping
from typing import Final

from probes.target import KINDS, Kind


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """What holds for a kind unless the probe says otherwise, in seconds and tokens."""

    every_s: float = 30.0
    first_token_s: float = 8.0
    stall_s: float = 10.0
    timeout_s: float = 30.0
    max_tokens: int = 256


USUAL: Final[Mapping[Kind, Usual]] = {
    **dict.fromkeys(KINDS, Usual()),
    # Cheap, but no sign of life: every minute is one probe in each page's shortest window.
    "embeddings": Usual(every_s=60.0),
    # Whether a model calls tools right changes with its version, not with the minute.
    "tools": Usual(every_s=300.0, max_tokens=512),
    "json": Usual(every_s=300.0, max_tokens=512),
    # 500 tokens and room for reasoning; at 5 tokens a second they take 100 s.
    "throughput": Usual(every_s=3600.0, first_token_s=15.0, timeout_s=120.0, max_tokens=1024),
    # 8,000 tokens in: 200,000 a day at this interval. A server of one's own may read for half a minute.
    "long-context": Usual(every_s=3600.0, first_token_s=60.0, timeout_s=120.0),
}

_PROMPTED: Final = frozenset({"prompt"})
_GENERATED: Final = frozenset({"expect", "max_tokens", "prompt", "reasoning", "stall"})
_STREAMED: Final = frozenset({"first_token", "stall"})

_VAIN: Final[Mapping[Kind, tuple[frozenset[str], str]]] = {
    "models": (_GENERATED, "for which nothing is generated"),
    "embeddings": ((_GENERATED | _STREAMED) - _PROMPTED, "for which nothing is generated"),
    "tools": (frozenset({"expect"}), "which is judged by the tool that is called"),
    "long-context": (frozenset({"expect", "prompt"}), "whose text and question are made"),
}

_OF_ONE: Final[Mapping[str, Kind]] = {"schema": "json", "prompt_tokens": "long-context"}
"""Keys that mean something to one kind alone."""


def vain(kind: Kind, key: str) -> str | None:
    """Return why a key has no effect on a kind, as a sentence's end; None where it has one.

    >>> vain("models", "prompt"), vain("chat", "schema"), vain("json", "schema")
    ('for which nothing is generated', 'but only on one of kind json', None)
    """
    keys, why = _VAIN.get(kind, (frozenset(), ""))
    if key in keys:
        return why
    only = _OF_ONE.get(key, kind)
    return None if only == kind else f"but only on one of kind {only}"
