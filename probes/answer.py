"""What the pieces of one answer add up to, whole or in chunks: text, tools, counts, and how sure they are."""

from collections.abc import Sequence
from typing import Any, Final

from probes.base import Reading, ToolCall, Unit
from probes.errors import ErrorObject
from probes.loose import count
from probes.result import StreamVerdict

_REASONS_FOR_NO_TEXT: Final = frozenset({"length", "content_filter"})
"""A reasoning model with a small cap may spend it all on hidden reasoning: complete, though without text."""

_FIRST_SHARE = 0.05
"""The largest part of a text whose tokens are told from its length: off by a third, the whole is off by 2 %."""


class Answer:
    """A notebook that a dialect fills; `known` are fields of `Reading` by their names."""

    def __init__(self) -> None:
        self.known: dict[str, Any] = {}
        self.text: list[str] = []
        self.chunks = 0
        self._reasoned = False
        self._first_tokens: int | None = None
        self._first_letters = 0
        self._calls: dict[int, tuple[list[str], list[str]]] = {}

    def note(self, units: Sequence[Unit], output_tokens: int | None = None) -> Sequence[Unit]:
        """Note the units of one chunk, and how many tokens the chunk says were generated so far; return the units."""
        if units:
            self.chunks += 1
            if self.chunks == 1:
                self._first_tokens = output_tokens or None
                self._first_letters = sum(len(unit.text) for unit in units)
            for unit in units:
                if unit.kind == "output":
                    self.text.append(unit.text)
                else:
                    self._reasoned = True
        return units

    def call(self, at: int, name: str = "", arguments: str = "") -> bool:
        """Note a piece of the call of a tool, by its place among the calls; return whether there was something in it."""
        names, pieces = self._calls.setdefault(at, ([], []))
        names.append(name)
        pieces.append(arguments)
        return bool(name or arguments)

    def _tokens_after_first(self) -> int | None:
        """Return how many tokens followed the first chunk's, where usage on every chunk or its total shows it.

        Five tokens a chunk look like one, so a total that differs from the number of chunks shows nothing.
        Reasoning that is counted but was not sent is no token of the stream.
        """
        total = count(self.known.get("output_tokens"))
        if total is None or not self.chunks:
            return None
        if self._first_tokens is not None and self.chunks > 1:
            return max(0, total - self._first_tokens)
        return self.chunks - 1 if self._visible(total) == self.chunks else None

    def _visible(self, total: int) -> int:
        return total if self._reasoned else total - self.known.get("reasoning_tokens", 0)

    def _tokens_streamed(self) -> float | None:
        """Return how many tokens followed the first chunk's, told from its part of the text where nothing else tells.

        Reasoning that was sent may be a summary of what is counted: then the text tells nothing.
        """
        known = self._tokens_after_first()
        total, letters = count(self.known.get("output_tokens")), sum(map(len, self.text))
        if known is not None or total is None or self._reasoned:
            return known
        if not 0 < self._first_letters <= _FIRST_SHARE * letters:
            return None
        return self._visible(total) * (1 - self._first_letters / letters)

    def reading(self, stream: StreamVerdict, **more: Any) -> Reading:
        calls = tuple(
            ToolCall("".join(names), "".join(pieces)) for _, (names, pieces) in sorted(self._calls.items())
        )
        known = {
            "tokens_after_first": self._tokens_after_first(),
            "tokens_streamed": self._tokens_streamed(),
            "calls": calls,
            **self.known,
            **more,
        }
        return Reading(stream=stream, text="".join(self.text), **known)

    def errored(self, error: ErrorObject) -> Reading:
        return self.reading(
            StreamVerdict.ERRORED,
            error_type=error.type,
            error_code=error.code,
            error=error.message,
            retry_after_s=error.retry_after_s,
        )

    @property
    def unexplained(self) -> bool:
        """Return whether there is no unit, and no reason for there being none."""
        return not self.chunks and self.known.get("finish_reason") not in _REASONS_FOR_NO_TEXT
