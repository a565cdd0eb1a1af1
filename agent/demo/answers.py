"""What the simulated models say: the word that is asked for, or as many words as are."""

import dataclasses
import itertools
import re
from collections.abc import Mapping
from typing import Any, Final

PONG: Final = ("p", "ong")

_PROSE = (
    "A cloud is a mass of small drops that hangs in the air . Warm air rises , cools , and gives up what it "
    "carried ; the wind takes it along , and by evening it rains somewhere else or is gone ."
)
_WISH = re.compile(r"\b(\d{1,5}) (?:words|tokens)\b")


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """The tokens of an answer, why it ends, and what the prompt had."""

    tokens: tuple[str, ...]
    reason: str
    prompt_tokens: int

    @property
    def text(self) -> str:
        return "".join(self.tokens)

    @property
    def usage(self) -> dict[str, int]:
        written = len(self.tokens)
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": written,
            "total_tokens": self.prompt_tokens + written,
        }


def answer(asked: Mapping[str, Any]) -> Answer:
    """Return what is answered to a request: a token is a word, and the cap cuts.

    >>> answer({"messages": [{"role": "user", "content": "Reply with the single word: pong"}]}).text
    'pong'
    >>> long = answer({"messages": [{"role": "user", "content": "In 500 words, please"}], "max_tokens": 120})
    >>> len(long.tokens), long.reason
    (120, 'length')
    """
    prompt = " ".join(str(message.get("content", "")) for message in asked.get("messages") or ())
    wished = [int(number) for number in _WISH.findall(prompt)]
    words = itertools.islice(itertools.cycle(_PROSE.split()), wished[-1]) if wished else ()
    tokens = tuple(f" {word}" for word in words) or PONG
    cap = asked.get("max_completion_tokens") or asked.get("max_tokens")
    cut = isinstance(cap, int) and cap < len(tokens)
    return Answer(tokens[:cap] if cut else tokens, "length" if cut else "stop", len(prompt.split()))
